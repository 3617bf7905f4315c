"""Which ops have instructions: the table of the planner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Elementary,
    LeakyRelu,
    Linear,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    Quantize,
    Reshape,
    Slice,
    Softmax,
    Sub,
    Sum,
    Transpose,
)
from hwsim.ops.add import formula_of
from hwsim.plan import (
    add,
    convolution,
    depthwise,
    gain,
    linear,
    movement,
    pairs,
    pool,
    signs,
    softmax,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.op import Op, Site
    from hwsim.plan.instruction import Instruction

Builder: TypeAlias = "Callable[[Any, Site], tuple[Instruction, ...] | None]"

MOST_BITS = 8
"""Wider codes have no place in a plan, whose activations are bytes."""


def _sum(op: Add, site: Site) -> tuple[Instruction, ...] | None:
    # LiteRT's vectors round otherwise than the elements behind the last whole one.
    if formula_of(site) == "shift20_lanes":
        return None
    return add.instructions(op.activation, site, 1) or pairs.instructions(op, site)


def _convolution(op: Conv2d, site: Site) -> tuple[Instruction, ...] | None:
    if op.is_depthwise:
        return depthwise.instructions(op, site)
    return (
        signs.instructions(op, site)
        or gain.instructions(op, site)
        or convolution.instructions(op, site)
    )


def _linear(op: Linear, site: Site) -> tuple[Instruction, ...] | None:
    return (
        signs.instructions(op, site) or gain.instructions(op, site) or linear.instructions(op, site)
    )


def _difference(op: Sub, site: Site) -> tuple[Instruction, ...] | None:
    return add.instructions(op.activation, site, -1) or pairs.instructions(op, site)


def _recoding(op: Quantize, site: Site) -> tuple[Instruction, ...] | None:
    # As with sums, what LiteRT's vectors make of a code depends on where it lies.
    return None if site.numerics.conversion == "vectors" else movement.function_of_one(op, site)


_BUILDERS: Mapping[type[Op], Builder] = {
    Add: _sum,
    AveragePool2d: pool.average,
    Concat: movement.concatenated,
    Conv2d: _convolution,
    Elementary: movement.function_of_one,
    LeakyRelu: movement.function_of_one,
    Linear: _linear,
    MaxPool2d: pool.maximum,
    Maximum: pairs.instructions,
    Mean: total.instructions,
    Minimum: pairs.instructions,
    Mul: pairs.instructions,
    Pad: movement.padded,
    Quantize: _recoding,
    Reshape: movement.recoded,
    Slice: movement.sliced,
    Softmax: softmax.instructions,
    Sub: _difference,
    Sum: total.instructions,
    Transpose: movement.transposed,
}


def instructions_of(op: Op, site: Site) -> tuple[Instruction, ...] | None:
    """Return what runs `op` in a plan; None where it has no compiled form at `site`.

    Raises:
        UnsupportedError: The op has no integer form there at all.
    """
    types = (*site.inputs, *site.outputs)
    builder = _BUILDERS.get(type(op))
    if builder is None or any(t.quant is None or t.quant.bits > MOST_BITS for t in types):
        return None
    return builder(op, site)
