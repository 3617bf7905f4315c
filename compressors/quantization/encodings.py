"""Give every activation its integer encoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.affine import asymmetric, step_of, symmetric
from compressors.quantization.scales import LARGEST_SCALE
from hwsim.channels.disjoint_sets import DisjointSets
from hwsim.errors import RecipeError
from hwsim.numerics import Quant
from hwsim.ops import (
    AveragePool2d,
    Concat,
    Elementary,
    LogSoftmax,
    Maximum,
    MaxPool2d,
    Minimum,
    Softmax,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.quantization.observers import Range
    from hwsim.graph import Graph, Node
    from hwsim.op import Op

# Codes of more bits are symmetric about 0, as TFLite's 16-bit kernels take them.
_MOST_ASYMMETRIC_BITS = 8
# Parts of a consumer's output step that the bias of a tensor of zeros is written in.
_ZERO_PARTS = 256
# The outputs whose range is known, [0, 1) and [-1, 1): TFLite fixes these encodings at 8 and 16
# bits, and its kernels rely on them.
_UNIT_FUNCTIONS = ("logistic",)
_SIGNED_UNIT_FUNCTIONS = ("tanh",)
_LOG_SOFTMAX = Quant(scale=(1 / 16,), zero_point=(127,))
# These share an encoding where they can, but compute without it too; the others cannot.
_SOFT = (AveragePool2d, Concat, Maximum, MaxPool2d, Minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationEncoding:
    """How activations are encoded.

    Attributes:
        bits: Of every tensor's codes: 1..16; tensors that share an encoding take the widest.
        is_symmetric: Whether codes of up to 8 bits have zero point 0 too.
        power_of_two_scales: Whether scales are rounded up to powers of two.
    """

    bits: Mapping[str, int]
    is_symmetric: bool = False
    power_of_two_scales: bool = False

    def of(self, low: float, high: float, bits: int) -> Quant:
        """Return the encoding of [low, high]; of 1 bit, of signs times the larger end."""
        if bits == 1:
            scale = step_of(max(-low, high), self.power_of_two_scales)
            return Quant(scale=(scale,), bits=bits, is_bipolar=True)
        if self.is_symmetric or bits > _MOST_ASYMMETRIC_BITS:
            return symmetric(low, high, bits, self.power_of_two_scales)
        return asymmetric(low, high, bits, self.power_of_two_scales)


def encodings(
    graph: Graph, ranges: Mapping[str, Range], encoding: ActivationEncoding
) -> dict[str, Quant]:
    """Return the encoding of every tensor.

    Operands and results of ops that share an encoding get one, of their common range; only
    where an operand of a concatenation is fixed (softmax, logistic, tanh) does it differ.

    Args:
        graph: Of floats.
        ranges: (low, high) per tensor, 0 within.
        encoding: Widths and kinds.

    Raises:
        RecipeError: A range is too wide for float32 scales.
    """
    groups = _joined(graph, encoding)
    for tensor, (low, high) in ranges.items():
        widest = ((1 << encoding.bits[tensor]) - 1) * LARGEST_SCALE
        if not high - low <= widest:
            raise RecipeError(
                f"{graph.name}: quantize: tensor {tensor!r} ranges over {low:.3g} .. {high:.3g}; "
                f"expected at most {widest:.3g} in all; scale inputs or weights"
            )
    return groups.encode(ranges)


def free_groups(graph: Graph, encoding: ActivationEncoding) -> tuple[tuple[str, ...], ...]:
    """Return the tensors whose encoding nothing fixes, those together that share one.

    Args:
        graph: Of floats.
        encoding: Widths and kinds.
    """
    return _joined(graph, encoding).free()


def _joined(graph: Graph, encoding: ActivationEncoding) -> _Groups:
    """Return the groups of tensors that `graph` asks for."""
    groups = _Groups(graph, encoding)
    for node in graph.nodes:
        fixed = _fixed(node.op, encoding.bits[node.outputs[0]])
        if fixed is not None:
            groups.fix(node.outputs[0], fixed)
        if node.op.shares_encoding and not isinstance(node.op, _SOFT):
            for tensor in node.inputs:
                groups.join(tensor, node.outputs[0])
    for node in graph.nodes:
        if isinstance(node.op, _SOFT):
            groups.join_where_free(node.inputs, node.outputs[0])
    return groups


def _fixed(op: Op, bits: int) -> Quant | None:
    function = op.function if isinstance(op, Elementary) else None
    if isinstance(op, LogSoftmax) and bits == _LOG_SOFTMAX.bits:
        return _LOG_SOFTMAX
    is_unit = isinstance(op, Softmax) or function in _UNIT_FUNCTIONS
    if not is_unit and function not in _SIGNED_UNIT_FUNCTIONS:
        return None
    half = 1 << (bits - 1)
    if is_unit and bits <= _MOST_ASYMMETRIC_BITS:
        return Quant(scale=(0.5 / half,), zero_point=(-half,), bits=bits)
    return Quant(scale=(1.0 / half,), bits=bits)


class _Groups:
    """Tensors that share an encoding, and the encodings that are fixed."""

    def __init__(self, graph: Graph, encoding: ActivationEncoding) -> None:
        self._encoding = encoding
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

    def free(self) -> tuple[tuple[str, ...], ...]:
        """Return the groups that have no fixed encoding."""
        members: dict[int, list[str]] = {}
        for tensor in self._index:
            members.setdefault(self.root(tensor), []).append(tensor)
        return tuple(tuple(group) for root, group in members.items() if root not in self._fixed)

    def encode(self, ranges: Mapping[str, Range]) -> dict[str, Quant]:
        """Return the encoding of each tensor: fixed, or of the widest range of its group."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for tensor, (low, high) in ranges.items():
            root = self.root(tensor)
            lows[root] = min(low, lows.get(root, 0.0))
            highs[root] = max(high, highs.get(root, 0.0))
        bits = self._bits
        made = {
            root: self._fixed.get(root) or self._encoding.of(lows[root], highs[root], bits[root])
            for root in lows
        }
        is_power = self._encoding.power_of_two_scales
        for root, scale in self._zero_scales(made, lows, highs).items():
            made[root] = replace(made[root], scale=(step_of(scale, is_power),))
        return {tensor: made[self.root(tensor)] for tensor in ranges}

    @property
    def _bits(self) -> dict[int, int]:
        """The width of each group: its widest tensor's."""
        widest: dict[int, int] = {}
        for tensor in self._index:
            root = self.root(tensor)
            widest[root] = max(self._encoding.bits[tensor], widest.get(root, 0))
        return widest

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
