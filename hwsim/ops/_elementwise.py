"""Ops that touch every element once: their work, and the broadcasting of stacked samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Workload

if TYPE_CHECKING:
    from hwsim.arrays import Array, Shape
    from hwsim.tensor import TensorType


def elementwise(
    kind: str, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]
) -> Workload:
    """Return the work of reading all inputs and writing all outputs once."""
    return Workload(
        kind=kind,
        input_elements=sum(type_.elements for type_ in inputs),
        output_elements=sum(type_.elements for type_ in outputs),
    )


def view(kind: str, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
    """Return the work of giving the same bytes another shape: none."""
    del inputs, outputs
    return Workload(kind=kind)


def aligned(a: Array, b: Array) -> tuple[Array, Array]:
    """Return both with as many axes, new ones set after the axis of stacked samples."""
    rank = max(a.ndim, b.ndim)
    return (
        a.reshape(a.shape[0], *(1,) * (rank - a.ndim), *a.shape[1:]),
        b.reshape(b.shape[0], *(1,) * (rank - b.ndim), *b.shape[1:]),
    )


def broadcast(kind: str, *shapes: Shape) -> Shape:
    """Return the shape that two operands make.

    Raises:
        GraphError: They do not broadcast.
        ValueError: There are not two.
    """
    a, b = shapes
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise GraphError(f"{kind} cannot broadcast {[list(s) for s in shapes]}") from None
