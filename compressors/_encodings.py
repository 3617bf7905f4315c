"""Give every activation its integer encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors._disjoint_sets import DisjointSets
from hwsim.numerics import Quant
from hwsim.ops import AveragePool2d, Concat, Elementary, MaxPool2d, Softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors._ranges import Range
    from hwsim.graph import Graph
    from hwsim.op import Op

_BITS = 8
# The outputs whose range is known: TFLite fixes these encodings, and its kernels rely on them.
_UNIT = Quant(scale=(1 / 256,), zero_point=(-128,))
_SIGNED_UNIT = Quant(scale=(1 / 128,), zero_point=(0,))
_FIXED_FUNCTIONS: Mapping[str, Quant] = {"logistic": _UNIT, "tanh": _SIGNED_UNIT}
# These share an encoding where they can, but compute without it too; the others cannot.
_SOFT = (AveragePool2d, Concat, MaxPool2d)


def encodings(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Quant]:
    """Return the encoding of every tensor.

    Operands and results of ops that share an encoding get one, of their common range; only
    where an operand of a concatenation is fixed (softmax, logistic, tanh) does it differ.

    Args:
        graph: Of floats.
        ranges: (low, high) per tensor, 0 within.
    """
    groups = _Groups(graph)
    for node in graph.nodes:
        fixed = _fixed(node.op)
        if fixed is not None:
            groups.fix(node.outputs[0], fixed)
        if node.op.shares_encoding and not isinstance(node.op, _SOFT):
            for tensor in node.inputs:
                groups.join(tensor, node.outputs[0])
    for node in graph.nodes:
        if isinstance(node.op, _SOFT):
            groups.join_where_free(node.inputs, node.outputs[0])
    return groups.encode(ranges)


def _fixed(op: Op) -> Quant | None:
    if isinstance(op, Softmax):
        return _UNIT
    return _FIXED_FUNCTIONS.get(op.function) if isinstance(op, Elementary) else None


class _Groups:
    """Tensors that share an encoding, and the encodings that are fixed."""

    def __init__(self, graph: Graph) -> None:
        self._index = {tensor: i for i, tensor in enumerate(graph.tensors)}
        self._sets = DisjointSets(len(self._index))
        self._fixed: dict[int, Quant] = {}

    def root(self, tensor: str) -> int:
        return self._sets.find(self._index[tensor])

    def fix(self, tensor: str, quant: Quant) -> None:
        self._fixed[self.root(tensor)] = quant

    def join(self, a: str, b: str) -> None:
        """Join; a fixed encoding on either side holds for both."""
        known = [
            self._fixed.pop(root) for root in (self.root(a), self.root(b)) if root in self._fixed
        ]
        self._sets.join(self._index[a], self._index[b])
        if known:
            self._fixed[self.root(a)] = known[0]

    def join_where_free(self, inputs: tuple[str, ...], output: str) -> None:
        """Join `output` with all `inputs` if they agree, else with those that nothing fixes."""
        held = [self._fixed.get(self.root(tensor)) for tensor in inputs]
        if held.count(held[0]) == len(held) and self._fixed.get(self.root(output)) in (
            None,
            held[0],
        ):
            free = inputs
        else:
            free = tuple(
                tensor for tensor, quant in zip(inputs, held, strict=True) if quant is None
            )
        for tensor in free:
            self.join(tensor, output)

    def encode(self, ranges: Mapping[str, Range]) -> dict[str, Quant]:
        """Return the encoding of each tensor: fixed, or of the widest range of its group."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for tensor, (low, high) in ranges.items():
            root = self.root(tensor)
            lows[root] = min(low, lows.get(root, 0.0))
            highs[root] = max(high, highs.get(root, 0.0))
        made = {root: self._fixed.get(root) or asymmetric(lows[root], highs[root]) for root in lows}
        return {tensor: made[self.root(tensor)] for tensor in ranges}


def asymmetric(low: float, high: float) -> Quant:
    """Return the int8 encoding of [low, high], which holds 0.

    scale = (high - low) / 255, zero point = clip(round(-128 - low / scale)) (Jacob et al., arXiv
    1712.05877, section 3). The scale is a float32 value.
    """
    steps = (1 << _BITS) - 1
    smallest = -(1 << (_BITS - 1))
    scale = float32_scale((high - low) / steps)
    zero_point = int(np.clip(np.rint(smallest - low / scale), smallest, smallest + steps))
    return Quant(scale=(scale,), zero_point=(zero_point,), bits=_BITS)


def float32_scale(scale: float) -> float:
    """Return `scale` as a float32 value; 1 for 0, and never below the smallest normal one."""
    if scale == 0.0:
        return 1.0
    return float(max(np.float32(scale), np.finfo(np.float32).tiny))
