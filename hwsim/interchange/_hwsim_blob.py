"""The bytes of a .hwsim file's weights and scales: laid end to end, and found again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats import Block, Dense, Packed
from hwsim.formats.find import find_format
from hwsim.interchange._json_values import Tree, integers, text

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.formats import Format
    from hwsim.tensor import Weight

# Weights unpack to no more than this and so many times the bytes of their file: a few bytes can
# claim any number of zeros. Writers keep to half of the ratio, and store dense what exceeds it.
_UNPACKED_BYTES = 16 << 20
_UNPACKED_RATIO = 1024
# Numbers that lie in the blob, narrowest first.
_REALS = ("float16", "float32", "float64")
_INTEGERS = ("int8", "int16", "int32", "int64")


class BlobWriter:
    """Takes arrays and says where they lie."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[Array] = []
        self._size = 0
        self._unpacked = 0
        self._vectors: dict[bytes, Tree] = {}

    @property
    def content(self) -> Array:
        """Everything so far: uint8."""
        return np.concatenate([np.zeros(0, np.uint8), *self._parts])

    def weight(self, weight: Weight) -> Tree:
        """Take a weight in the bytes of its format; say its shape, and where each array lies."""
        stored, packed = _exactly_packed(weight)
        allowed = _UNPACKED_BYTES + _UNPACKED_RATIO // 2 * (self._size + packed.storage_bytes)
        itemsize = weight.codes.dtype.itemsize
        if self._unpacked + _unpacked_bytes(weight.shape, itemsize, stored) > allowed:
            stored, packed = Dense(), Dense().pack(weight.matrix, weight.bits)
        self._unpacked += _unpacked_bytes(weight.shape, itemsize, stored)
        tree: Tree = {"shape": weight.shape, "format": weight.format.name}
        if stored != weight.format:
            tree["stored"] = stored.name
        return tree | {"arrays": {name: self._place(part) for name, part in packed.arrays.items()}}

    def reals(self, numbers: tuple[float, ...], factors: tuple[float, ...]) -> object:
        """Take reals; several lie in the narrowest type that holds them all exactly.

        Those that are one of `factors` times what is there already, rounded to float32, are said
        so: scales of biases are those of weights times one of the input.
        """
        if len(numbers) == 1:
            return numbers
        wanted = np.array(numbers)
        for tree in tuple(self._vectors.values()):
            base = tree["numbers"]
            if base.tobytes() == wanted.tobytes():
                return {tree["dtype"]: tree["place"]}
            for factor in factors if base.shape == wanted.shape else ():
                # Most factors are ruled out by one number.
                is_near = _times(base[:1], factor) == wanted[:1]
                if is_near and np.array_equal(_times(base, factor), wanted):
                    return {tree["dtype"]: tree["place"], "times": factor}
        dtype = next(name for name in _REALS if _holds(wanted, name))
        return self._vector(wanted, dtype)

    def integers(self, numbers: tuple[int, ...]) -> object:
        """Take integers; one that is all of them stands for them."""
        if len(set(numbers)) == 1:
            return numbers[0] if len(numbers) > 1 else numbers
        limits = np.iinfo(np.int64)
        if not limits.min <= min(numbers) <= max(numbers) <= limits.max:
            return numbers
        wanted = np.array(numbers, np.int64)
        return self._vector(wanted, next(name for name in _INTEGERS if _holds(wanted, name)))

    def _vector(self, numbers: Array, dtype: str) -> Tree:
        place = self._place(numbers.astype(np.dtype(dtype).newbyteorder("<")).view(np.uint8))
        if dtype in _REALS:
            entry = {"dtype": dtype, "place": place, "numbers": numbers}
            self._vectors.setdefault(numbers.tobytes(), entry)
        return {dtype: place}

    def _place(self, part: IntArray) -> list[int]:
        at, self._size = self._size, self._size + part.nbytes
        self._parts.append(part.reshape(-1))
        return [at, part.nbytes]


def _holds(numbers: Array, dtype: str) -> bool:
    with np.errstate(over="ignore"):
        return np.array_equal(numbers.astype(dtype).astype(numbers.dtype), numbers)


def _times(numbers: Array, factor: float) -> Array:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return (numbers * factor).astype(np.float32).astype(np.float64)


def _unpacked_bytes(shape: Shape, itemsize: int, stored: Format) -> int:
    """Return what it takes to unpack a weight; blocks at the edges are whole meanwhile."""
    rows, columns = shape[0], math.prod(shape[1:])
    if isinstance(stored, Block):
        rows, columns = rows + -rows % stored.rows, columns + -columns % stored.columns
    return rows * columns * itemsize


def _exactly_packed(weight: Weight) -> tuple[Format, Packed]:
    """Return how the weight is stored so that every bit comes back, the sign of a zero included."""
    try:
        packed = weight.packed
    except FormatError:
        return Dense(), Dense().pack(weight.matrix, weight.bits)
    back = weight.format.unpack(packed)
    if np.ascontiguousarray(back).tobytes() == np.ascontiguousarray(weight.codes).tobytes():
        return weight.format, packed
    return Dense(), Dense().pack(weight.matrix, weight.bits)


class BlobReader:
    """Gives back what a `BlobWriter` took, and no more than the size of the file allows."""

    def __init__(self, content: Array, file_bytes: int) -> None:
        """Read from `content` (uint8) of a file of so many bytes."""
        self._content = content
        self._left = _UNPACKED_BYTES + _UNPACKED_RATIO * file_bytes

    def codes(self, tree: Tree, dtype: np.dtype[Any], bits: int) -> Array:
        """Return the codes of a weight.

        Raises:
            FormatError: The bytes are not those of such a weight.
        """
        shape = integers(tree["shape"])
        if not shape or min(shape) < 1:
            raise ValueError(f"weights have extents >= 1, got {list(shape)}")
        stored = find_format(text(tree.get("stored", tree["format"])))
        self._claim(_unpacked_bytes(shape, dtype.itemsize, stored), shape)
        places = cast("dict[str, object]", tree["arrays"])
        packed = Packed(
            shape=(shape[0], math.prod(shape[1:])),
            bits=bits,
            dtype=dtype,
            arrays={name: self._part(place) for name, place in places.items()},
        )
        # A copy, as what is unpacked may be bytes of the file itself, at an odd address.
        return np.array(stored.unpack(packed), order="C").reshape(shape)

    def numbers(self, value: object) -> list[object]:
        """Return a list that stands in the manifest, or that the manifest says the place of."""
        if not isinstance(value, dict):
            return list(cast("list[object]", value))
        tree = cast("Tree", value)
        factor = tree.get("times")
        ((dtype, place),) = ((name, item) for name, item in tree.items() if name != "times")
        if dtype not in (*_REALS, *_INTEGERS) or not isinstance(factor, float | None):
            raise ValueError(f"expected the place of numbers, got {tree}")
        found = self._part(place).view(np.dtype(dtype).newbyteorder("<"))
        self._claim(8 * found.size, found.shape)
        with np.errstate(invalid="ignore"):  # A signalling NaN; scales are checked afterwards.
            wide = found.astype(np.float64 if dtype in _REALS else np.int64)
        return (wide if factor is None else _times(wide, factor)).tolist()

    def _part(self, place: object) -> IntArray:
        at, size = integers(place)
        if min(at, size) < 0 or at + size > self._content.size:
            raise ValueError(f"bytes {at}..{at + size} of {self._content.size}")
        return self._content[at : at + size]

    def _claim(self, size_bytes: int, shape: Shape) -> None:
        self._left -= size_bytes
        if self._left < 0:
            raise ValueError(f"numbers {list(shape)} are more than a file of this size holds")


class Arrays:
    """Weights of version 1: tensors by name, as they are."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        """Read from `arrays`."""
        self._arrays = arrays

    def codes(self, tree: Tree, dtype: np.dtype[Any], bits: int) -> Array:
        """See `BlobReader.codes`."""
        del dtype, bits
        return self._arrays[text(tree["codes"])]

    def numbers(self, value: object) -> list[object]:
        """See `BlobReader.numbers`; they all stand in the manifest."""
        return list(cast("list[object]", value))
