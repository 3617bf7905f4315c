"""Ops that move bytes or look each of them up: pad, concat, slice, transpose, functions of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.plan.copy import copy, fill, lookup, recoding, table_of
from hwsim.plan.loops import strides_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.numerics import Quant
    from hwsim.op import Op, Site
    from hwsim.ops import Concat, Pad, Reshape, Slice, Transpose
    from hwsim.plan.instruction import Instruction


def function_of_one(op: Op, site: Site) -> tuple[Instruction, ...]:
    """Return an elementwise op of one operand as the table of what it makes of all codes."""
    x, y = _encoding(site, 0), _result(site)
    codes = np.arange(x.low, x.high + 1).astype(x.dtype).reshape(1, 1, -1)
    types = site.inputs[0], site.outputs[0]
    small = [replace(type_, shape=codes.shape[1:]) for type_ in types]
    (results,) = op.prepare(replace(site, inputs=(small[0],), outputs=(small[1],)))(codes)
    return (lookup(site.inputs[0].elements, table_of(results, x, y)),)


def recoded(op: Reshape, site: Site) -> tuple[Instruction, ...]:
    """Return a reshape: nothing to do, unless the encoding changes."""
    del op
    table = recoding(_encoding(site, 0), _result(site))
    return () if table is None else (lookup(site.inputs[0].elements, table),)


def sliced(op: Slice, site: Site) -> tuple[Instruction, ...] | None:
    """Return a copy that starts and steps as the slice does."""
    x, y = site.inputs[0], site.outputs[0]
    steps = strides_of(x.shape)
    return _all(
        copy(
            y.shape,
            tuple(step * by for step, by in zip(steps, op.step, strict=True)),
            strides_of(y.shape),
            x_first=sum(step * low for step, low in zip(steps, op.start, strict=True)),
            table=recoding(_encoding(site, 0), _result(site)),
        )
    )


def transposed(op: Transpose, site: Site) -> tuple[Instruction, ...] | None:
    """Return a copy that walks the operand's axes in another order."""
    x, y = site.inputs[0], site.outputs[0]
    steps = strides_of(x.shape)
    return _all(
        copy(
            y.shape,
            tuple(steps[axis] for axis in op.axes),
            strides_of(y.shape),
            table=recoding(_encoding(site, 0), _result(site)),
        )
    )


def padded(op: Pad, site: Site) -> tuple[Instruction, ...] | None:
    """Return zeros everywhere, then a copy into their middle."""
    x, y = site.inputs[0], site.outputs[0]
    steps, quant = strides_of(y.shape), _result(site)
    zero = int(quant.encode(np.zeros(1))[0]) - quant.low
    return _all(
        fill(y.shape, zero),
        copy(
            x.shape,
            strides_of(x.shape),
            steps,
            y_first=sum(step * pair[0] for step, pair in zip(steps, op.padding, strict=True)),
            table=recoding(_encoding(site, 0), quant),
        ),
    )


def concatenated(op: Concat, site: Site) -> tuple[Instruction, ...] | None:
    """Return one copy per operand, each behind the one before it."""
    y = site.outputs[0]
    steps = strides_of(y.shape)
    axis = op.axis % len(y.shape)
    copies: list[Instruction | None] = []
    first = 0
    for operand, x in enumerate(site.inputs):
        table = recoding(_encoding(site, operand), _result(site))
        copies.append(
            copy(x.shape, strides_of(x.shape), steps, y_first=first, table=table, operand=operand)
        )
        first += x.shape[axis] * steps[axis]
    return _all(*copies)


def _all(*parts: Instruction | None) -> tuple[Instruction, ...] | None:
    """Return the instructions, or None where one of them is missing."""
    found = tuple(_present(parts))
    return found if len(found) == len(parts) else None


def _present(parts: Iterable[Instruction | None]) -> Iterable[Instruction]:
    return (part for part in parts if part is not None)


def _encoding(site: Site, operand: int) -> Quant:
    quant = site.inputs[operand].quant
    assert quant is not None
    return quant


def _result(site: Site) -> Quant:
    quant = site.outputs[0].quant
    assert quant is not None
    return quant
