"""A run of nodes as one table, executed in one compiled call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.jit import direct
from hwsim.plan.cores import spread
from hwsim.plan.instruction import ALIGNMENT
from hwsim.plan.walk import run_samples, run_shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.op import Kernel
    from hwsim.tensor import TensorType

_Place: TypeAlias = "tuple[Array, Array, Array, Array, Array]"
"""Bytes of x and y, an arena, and the same x and y as codes in their shapes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """What one compiled call needs.

    Attributes:
        inputs: Tensors that enter, by name.
        outputs: Tensors that leave, by name.
        types: Of the tensors that leave.
        table: int64 [rows, COLUMNS].
        constants: uint8 [bytes], shared by all workers.
        arena: uint8 [bytes]: what a worker's arena holds before its first sample, constant tensors
            in their places.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    types: tuple[TensorType, ...]
    table: IntArray
    constants: Array
    arena: Array

    def bind(self) -> Kernel:
        """Return the function of codes [samples, ...] to codes [samples, ...].

        Its argument `workers` says how many cores may share the samples.
        """
        leaving = [(t.elements, t.shape, t.quant.dtype) for t in self.types if t.quant is not None]
        total_bytes = sum(size for size, _, _ in leaving)
        constants = aligned_copy(self.constants)
        free: list[Array] = []  # Arenas that no thread uses just now.

        def run(*codes: Array, workers: int = 1) -> tuple[Array, ...]:
            samples = len(codes[0])
            x = _bytes_of(codes[0]) if len(codes) == 1 else np.concatenate([*map(_bytes_of, codes)])
            y = np.empty(samples * total_bytes, np.uint8)
            counter = np.zeros(1, np.int64)

            def work(worker: int) -> None:
                arena = _taken(free, self.arena)
                if workers > 1:
                    run_shared(self.table, constants, arena, x, y, samples, counter)
                else:
                    run_samples(self.table, constants, arena, x, y, samples)
                free.append(arena)

            if workers > 1:
                spread(work, range(workers))
            else:
                work(0)
            results: list[Array] = []
            start = 0
            for size, shape, dtype in leaving:
                part = y[start : start + samples * size]
                results.append(part.view(dtype).reshape(samples, *shape))
                start += samples * size
            return tuple(results)

        return run

    def bind_one(self, x: TensorType, result_shape: Shape) -> Callable[[Array], Array]:
        """Return the function of one sample's codes, for segments of one input and one output.

        It takes a microsecond beside the compiled loop: everything is there before it is called.

        Args:
            x: Type of the input; the function takes its shape with any leading axes of 1.
            result_shape: Of what it returns.
        """
        assert x.quant is not None
        assert self.types[0].quant is not None
        dtype, result_dtype = x.quant.dtype, self.types[0].quant.dtype
        call = direct(run_samples)
        table, constants, arena = self.table, aligned_copy(self.constants), self.arena

        def place() -> _Place:
            room = np.empty(x.elements, np.uint8), np.empty(self.types[0].elements, np.uint8)
            views = room[0].view(dtype).reshape(x.shape), room[1].view(result_dtype)
            return (*room, aligned_copy(arena), views[0], views[1].reshape(result_shape))

        free = [place()]

        def run(codes: Array) -> Array:
            try:
                mine = free.pop()
            except IndexError:
                mine = place()
            x_bytes, y_bytes, own_arena, x_view, y_view = mine
            x_view[...] = codes
            call(table, constants, own_arena, x_bytes, y_bytes, 1)
            result = y_view.copy()
            free.append(mine)
            return result

        return run


def _taken(free: list[Array], arena: Array) -> Array:
    """Take an arena that is free, or make one; another thread may take the last at any time."""
    try:
        return free.pop()
    except IndexError:
        return aligned_copy(arena)


def _bytes_of(codes: Array) -> Array:
    """Return codes as bytes in one row; a copy only where they are scattered or read-only."""
    flat = codes.reshape(-1).view(np.uint8)
    # Numba would compile everything once more for arrays that cannot be written.
    return flat if flat.flags.writeable else flat.copy()


def aligned_copy(array: Array) -> Array:
    """Return a copy of bytes that starts at a multiple of ALIGNMENT."""
    room = np.empty(array.size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    room[start : start + array.size] = array
    return room[start : start + array.size]
