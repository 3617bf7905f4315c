"""Give every activation its integer encoding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compressors._disjoint_sets import DisjointSets
from compressors._scales import LARGEST_SCALE, activation_scale
from hwsim.errors import RecipeError
from hwsim.numerics import Quant
from hwsim.ops import AveragePool2d, Concat, Elementary, MaxPool2d, Softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors._ranges import Range
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

_BITS = 8
_STEPS = (1 << _BITS) - 1
# Parts of a consumer's output step that the bias of a tensor of zeros is written in.
_ZERO_PARTS = 256
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

    Raises:
        RecipeError: A range is too wide for float32 scales.
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
    for tensor, (low, high) in ranges.items():
        if not high - low <= _STEPS * LARGEST_SCALE:
            raise RecipeError(
                f"{graph.name}: quantize: tensor {tensor!r} ranges over {low:.3g} .. {high:.3g}; "
                f"expected at most {_STEPS * LARGEST_SCALE:.3g} in all; scale inputs or weights"
            )
    return groups.encode(ranges)


def _fixed(op: Op) -> Quant | None:
    if isinstance(op, Softmax):
        return _UNIT
    return _FIXED_FUNCTIONS.get(op.function) if isinstance(op, Elementary) else None


class _Groups:
    """Tensors that share an encoding, and the encodings that are fixed."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = graph.nodes
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
        for root, scale in self._zero_scales(made, lows, highs).items():
            made[root] = replace(made[root], scale=(activation_scale(scale),))
        return {tensor: made[self.root(tensor)] for tensor in ranges}

    def _zero_scales(
        self, made: Mapping[int, Quant], lows: Mapping[int, float], highs: Mapping[int, float]
    ) -> dict[int, float]:
        """Return a scale for groups of zeros, such as dead ReLUs, that drowns nothing beside them.

        Any would do for the zeros, but biases are written in steps of it: they must be finer than
        the steps of what the layer makes.
        """
        zeros = {root for root in made if root not in self._fixed and lows[root] == highs[root]}
        scales: dict[int, float] = {}
        for node in self._nodes:
            output = self.root(node.outputs[0])
            if output in zeros:
                continue  # All zero itself: its bias is too, or an activation clips it.
            wanted = min(made[output].scale[0] / _gain(node), LARGEST_SCALE)
            for root in {self.root(tensor) for tensor in node.inputs} & zeros:
                scales[root] = min(wanted, scales.get(root, wanted))
        return scales


def _gain(node: Node) -> float:
    """Return how much finer than its result's steps those of an operand of zeros shall be."""
    weight = node.op.weight
    largest = 0.0 if weight is None else float(np.abs(weight.real()).max(initial=0.0))
    return _ZERO_PARTS * largest or 1.0


def asymmetric(low: float, high: float) -> Quant:
    """Return the int8 encoding of [low, high], which holds 0.

    scale = (high - low) / 255, zero point = clip(round(-128 - low / scale)) (Jacob et al., arXiv
    1712.05877, section 3). The scale is a float32 value.
    """
    smallest = -(1 << (_BITS - 1))
    scale = activation_scale((high - low) / _STEPS)
    zero_point = int(np.clip(np.rint(smallest - low / scale), smallest, smallest + _STEPS))
    return Quant(scale=(scale,), zero_point=(zero_point,), bits=_BITS)
