"""Nested loops over bytes: which axes are left when neighbours are walked as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray, Shape

DEPTH = 5
"""How many nested loops the compiled functions have."""


def strides_of(shape: Shape) -> tuple[int, ...]:
    """Return the step of each axis in a dense tensor of bytes."""
    steps: list[int] = []
    step = 1
    for extent in reversed(shape):
        steps.append(step)
        step *= extent
    return tuple(reversed(steps))


def broadcast_strides(shape: Shape, result: Shape) -> tuple[int, ...]:
    """Return the step of each axis of `result` in a dense operand of `shape`, 0 if repeated."""
    padded = (1,) * (len(result) - len(shape)) + shape
    steps = strides_of(padded)
    return tuple(0 if extent == 1 else step for extent, step in zip(padded, steps, strict=True))


def nest(shape: Shape, *strides: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return DEPTH extents, then DEPTH steps per operand, outermost first.

    Axes of extent 1 vanish; two neighbours become one where every operand walks them in one step.

    Args:
        shape: Extents of the axes that are walked.
        strides: Per operand, the step of each axis.

    Returns:
        None where more than DEPTH axes are left.
    """
    axes: list[tuple[int, ...]] = []
    for extent, *steps in zip(shape, *strides, strict=True):
        if extent == 1:
            continue
        if axes and all(
            outer == extent * inner for outer, inner in zip(axes[-1][1:], steps, strict=True)
        ):
            axes[-1] = (axes[-1][0] * extent, *steps)
        else:
            axes.append((extent, *steps))
    if not axes:
        # One element: walked by an innermost loop of one.
        axes.append((1,) * (1 + len(strides)))
    if len(axes) > DEPTH:
        return None
    filler = (1,) + (0,) * len(strides)
    axes = [filler] * (DEPTH - len(axes)) + axes
    return tuple(axis[part] for part in range(1 + len(strides)) for axis in axes)


@kernel
def place(steps: IntArray, i: int, j: int, k: int, m: int) -> int:
    """Return the offset of the innermost line at these four indices."""
    return i * steps[0] + j * steps[1] + k * steps[2] + m * steps[3]
