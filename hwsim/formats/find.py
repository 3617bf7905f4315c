"""Find a storage format by its name."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from hwsim.errors import FormatError
from hwsim.formats import FORMATS
from hwsim.formats.block import Block
from hwsim.formats.nm import NM
from hwsim.formats.rle import Rle

if TYPE_CHECKING:
    from hwsim.formats._format import Format

# Places within a group are stored in at most 8 bits.
_LARGEST_GROUP = 256
# Larger blocks than any kernel works on would hide a slip of the pen.
_LARGEST_BLOCK = 256
# Longer runs than any layer has columns would take more bits than they save.
_LONGEST_RUN_BITS = 16
# What others call these formats.
_OTHER_NAMES = {
    "bcsr": "bsr4x4",
    "bitmap": "bitmask",
    "block": "bsr4x4",
    "bsc": "bsr4x4",
    "bsr": "bsr4x4",
    "ccs": "csc",
    "coo": "csr",
    "crs": "csr",
    "eie": "relative4_codebook",
    "eyeriss": "rle5",
    "nm": "2:4",
    "rlc": "rle4",
    "rle": "rle4",
    "ternary": "trits",
}


def find_format(name: str) -> Format:
    """Return the format called `name`.

    Any `n:m` with 1 <= n <= m <= 256 is one, any `bsrRxC` with extents of at most 256, and any
    `rleB` with runs of 1 to 16 bits.

    Raises:
        FormatError: There is none of that name; says the one that is most like it, if any is.
    """
    for format_ in FORMATS:
        if format_.name == name:
            return format_
    found = _sized(name)
    if found is not None:
        return found
    known = ", ".join(format_.name for format_ in FORMATS)
    likely = _likely(name)
    meant = f"; did you mean {likely}?" if likely else ""
    raise FormatError(
        f"no storage format {name!r}; known: {known}, or any n:m, bsrRxC or rleB{meant}"
    )


def pattern_of(name: str) -> NM | None:
    """Return the N:M format that `name` is, if it is one: `2:4`."""
    found = _sized(name)
    return found if isinstance(found, NM) else None


def _sized(name: str) -> Format | None:
    """Return the format whose name says its extents."""
    # No leading zeros: each format has one name.
    if pair := re.fullmatch(r"([1-9]\d*):([1-9]\d*)", name, re.ASCII):
        n, m = int(pair[1]), int(pair[2])
        return NM(n, m) if n <= m and 1 < m <= _LARGEST_GROUP else None
    if block := re.fullmatch(r"bsr([1-9]\d*)x([1-9]\d*)", name, re.ASCII):
        rows, columns = int(block[1]), int(block[2])
        return Block(rows, columns) if max(rows, columns) <= _LARGEST_BLOCK else None
    if run := re.fullmatch(r"rle([1-9]\d*)", name, re.ASCII):
        return Rle(int(run[1])) if int(run[1]) <= _LONGEST_RUN_BITS else None
    return None


def _likely(name: str) -> str:
    """Return the known name that is most like `name`; empty where none is."""
    plain = re.sub(r"[\s_-]", "", name.lower())
    names = {format_.name.replace("_", ""): format_.name for format_ in FORMATS} | _OTHER_NAMES
    close = difflib.get_close_matches(plain, names, n=1)
    return names[close[0]] if close else ""
