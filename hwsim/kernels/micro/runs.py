"""Copies and fills of runs of bytes, widened to what an instruction set multiplies.

Both write whole vectors: up to 63 bytes behind the run are overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.kernels.micro.assembly import (
    F32,
    I8,
    I16,
    counted,
    function_text,
    load,
    number,
    splat,
    store,
    vector,
)
from hwsim.kernels.micro.library import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Type, Value

_VECTOR_BYTES = 64


_ELEMENTS: dict[int, Type] = {1: I8, 2: I16, 4: F32}
"""By their bytes."""


def copy_run(element_bytes: int) -> int:
    """Return the address of the function that copies bytes to elements of 1, 2 or 4 bytes.

    It takes the address of bytes, of elements, and how many.
    """
    return address_of(f"hwsim_copy_{element_bytes}", lambda: copy_text(element_bytes))


def copy_text(element_bytes: int) -> str:
    """Return the function of `copy_run` in LLVM's language."""
    lanes = _VECTOR_BYTES // element_bytes

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, y, count, *_ = inputs
        with counted(b, count, lanes) as i:
            codes = load(b, b.add(x, i), vector(I8, lanes))
            at = b.add(y, b.mul(i, number(element_bytes)))
            store(b, _widened(b, codes, _ELEMENTS[element_bytes]), at)

    return function_text(f"hwsim_copy_{element_bytes}", emit)


def fill_run(element_bytes: int) -> int:
    """Return the address of the function that fills elements of 1, 2 or 4 bytes.

    It takes a byte, the address of elements, and how many.
    """
    return address_of(f"hwsim_fill_{element_bytes}", lambda: fill_text(element_bytes))


def fill_text(element_bytes: int) -> str:
    """Return the function of `fill_run` in LLVM's language."""
    lanes = _VECTOR_BYTES // element_bytes

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        code, y, count, *_ = inputs
        codes = splat(b, b.trunc(code, I8), lanes)
        values = _widened(b, codes, _ELEMENTS[element_bytes])
        with counted(b, count, lanes) as i:
            store(b, values, b.add(y, b.mul(i, number(element_bytes))))

    return function_text(f"hwsim_fill_{element_bytes}", emit)


def _widened(b: Builder, codes: Value, element: Type) -> Value:
    target = vector(element, codes.type.count)
    if element is I8:
        return codes
    return b.uitofp(codes, target) if element is F32 else b.zext(codes, target)
