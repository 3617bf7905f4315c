"""Which activations are zero: run a program's graph on a few samples and look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.execute import prepare_all
from hwsim.ops import Conv2d, Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.accelerators import Mask
    from hwsim.data import Data
    from hwsim.program import Program, Step

SAMPLES: Final = 8
"""Samples that are looked at: the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activations:
    """Where activations are not zero.

    Attributes:
        samples: How many were looked at.
        masks: By tensor, bool [samples, *tensor shape]: True where a value is not at its zero
            point. Only tensors that a kernel looks at.
    """

    samples: int
    masks: Mapping[str, Mask]


def activations_of(program: Program, data: Data | None) -> Activations | None:
    """Return which activations of `program` are zero, by its own integers.

    The first `SAMPLES` samples are run. None without data, or where no kernel's work depends on it.

    Raises:
        DataError: `data` does not fit the model.
        UnsupportedError: An op has no integer form.
    """
    wanted = tuple(dict.fromkeys(step.node.inputs[0] for step in _looking(program)))
    if data is None or not wanted:
        return None
    few = data.head(SAMPLES)
    values = prepare_all(program.graph, program.numerics, wanted)(few.x)
    quants = {tensor: program.graph.tensors[tensor].quant for tensor in wanted}
    zeros = {name: 0 if quant is None else quant.zero_point[0] for name, quant in quants.items()}
    return Activations(
        samples=few.count,
        masks={tensor: np.asarray(values[tensor] != zeros[tensor]) for tensor in wanted},
    )


def with_noted(program: Program, seen: Activations | None) -> Program:
    """Return `program`; reasons of steps whose work depends on activations say what is known."""
    note = (
        "no data: activations count as non-zero"
        if seen is None
        else f"activation zeros of {seen.samples} samples"
    )
    looking = {step.node.name for step in _looking(program)}
    steps = tuple(
        replace(step, reason=f"{step.reason}; {note}") if step.node.name in looking else step
        for step in program.steps
    )
    return replace(program, steps=steps)


def _looking(program: Program) -> list[Step]:
    """Return the layers whose kernel looks at activations, and whose operands are known."""
    return [
        step
        for step in program.steps
        if step.rule is not None
        and step.rule.sees_activations
        and isinstance(step.node.op, Conv2d | Linear)
    ]
