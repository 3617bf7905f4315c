"""Find a storage format by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hwsim.errors import FormatError
from hwsim.formats import FORMATS
from hwsim.formats.block import Block
from hwsim.formats.nm import NM

if TYPE_CHECKING:
    from hwsim.formats._format import Format

# Places within a group are stored in at most 8 bits.
_LARGEST_GROUP = 256
# Larger blocks than any kernel works on would hide a slip of the pen.
_LARGEST_BLOCK = 256


def find_format(name: str) -> Format:
    """Return the format called `name`.

    Any `n:m` with 1 <= n <= m <= 256 is one, and any `bsrRxC` with extents of at most 256.

    Raises:
        FormatError: There is none of that name.
    """
    for format_ in FORMATS:
        if format_.name == name:
            return format_
    pair = re.fullmatch(r"(\d+):(\d+)", name)
    if pair and 1 <= int(pair[1]) <= int(pair[2]) <= _LARGEST_GROUP and int(pair[2]) > 1:
        return NM(int(pair[1]), int(pair[2]))
    block = re.fullmatch(r"bsr([1-9]\d*)x([1-9]\d*)", name, re.ASCII)
    if block and max(int(block[1]), int(block[2])) <= _LARGEST_BLOCK:
        return Block(int(block[1]), int(block[2]))
    known = ", ".join(format_.name for format_ in FORMATS)
    raise FormatError(f"no storage format {name!r}; known: {known}, or any n:m or bsrRxC")
