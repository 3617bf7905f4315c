"""How large what a user brings may be; what exceeds it is refused before memory is taken for it.

Networks that exist stay far below these limits. Files far above them are slips of the pen, damaged,
or made to fill a machine's memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.errors import HwsimError

MODEL_BYTES = 16 << 30
"""Of a model's file: a network of 4 bytes for each of 4 billion weights. Most are read whole."""

TEXT_BYTES = 64 << 20
"""Of a table of layers, .csv or .json: more than `TABLE_ROWS` rows take."""

YAML_BYTES = 1 << 20
"""Of a profile, recipe, sweep or space: a hundred times the largest shipped one. YAML takes some
microseconds a byte to read."""

YAML_DEPTH = 32
"""Of values within values; profiles have 6."""

YAML_NODES = 50_000
"""Of keys and values of a YAML file."""

TABLE_ROWS = 100_000
"""Of a table of layers: a hundred times the layers of the deepest networks."""

TABLE_WEIGHTS = 1 << 31
"""Of all rows of a table, which are drawn: 2 GiB of bytes."""

GRAPH_NODES = 200_000
"""Of a graph: exported networks with every attention head written out have some ten thousand."""

TENSOR_ELEMENTS = 1 << 31
"""Of one tensor: as many as LiteRT's 32 bits count."""

TENSOR_AXES = 16
"""Of one tensor: twice LiteRT's."""

CONSTANT_ELEMENTS = 1 << 26
"""Of a constant that some bytes of a file ask for, such as ConstantOfShape: 256 MiB of reals."""

WINDOW_EXTENT = 1 << 16
"""Of a window, its stride, dilation and padding, each way: no image has as many pixels a side."""

YAML_INTEGER = (1 << 63) - 1
"""Of a whole number in YAML: what databases and arrays hold."""

PICKED_POSITIONS = 1 << 20
"""Of a gather whose positions a file gives, or that mirrored padding asks for."""

SWEEP_POINTS = 1_000_000
"""Of a sweep: a store of half a gigabyte."""

INFLATED_BYTES = 256 << 20
"""What any archive may inflate to, beside `INFLATED_RATIO` times its own bytes."""

INFLATED_RATIO = 64
"""Deflate reaches 1032 on zeros alone; images and weights stay below 10."""


def expanded(size_bytes: int) -> int:
    """Return how many bytes or elements so many bytes of a file may become."""
    return INFLATED_BYTES + INFLATED_RATIO * size_bytes


def require_file(path: Path, most: int, error: type[HwsimError]) -> None:
    """Refuse a file of more than `most` bytes before it is read.

    Raises:
        HwsimError: As `error`.
    """
    size = path.stat().st_size
    if size > most:
        raise error(f"{path.name}: expected a file of at most {most} bytes, got {size}")
