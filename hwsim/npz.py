"""Read arrays out of .npz archives whose sizes are what they say, and which are no pickles."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from hwsim.limits import expanded

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from numpy.typing import NDArray

_SUFFIX = ".npy"

DAMAGES = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What `read_arrays` raises; RuntimeError where an archive claims a cipher or a later version."""


def read_arrays(path: Path, wanted: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name.

    Args:
        path: Of the file.
        wanted: Names of the arrays to read; all where it is None. Others come empty.

    Raises:
        OSError, ValueError, ...: One of `DAMAGES`: it is missing or damaged, would inflate to far
            more than its own bytes, or holds Python objects.
    """
    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if info.filename.endswith(_SUFFIX)]
        total, most = sum(info.file_size for info in infos), expanded(path.stat().st_size)
        if total > most:
            raise ValueError(
                f"it would inflate to {total} bytes, expected at most {most}; "
                "numpy.savez writes it as it is"
            )
        for info in infos:
            name = info.filename.removesuffix(_SUFFIX)
            if wanted is None or name in wanted:
                with archive.open(info) as member:
                    found[name] = _array(member, info.file_size, name)
            else:
                found[name] = np.empty(0)
    return found


def _array(member: IO[bytes], size_bytes: int, name: str) -> NDArray[Any]:
    """Return the array that a member of so many bytes is."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(member)
    if version not in readers:
        raise ValueError(f"{name}: expected version 1.0 or 2.0 of .npy, got {version}")
    shape, is_fortran, dtype = readers[version](member)
    if dtype.hasobject:
        raise ValueError(f"{name}: expected numbers, got Python objects, which are not loaded")
    told, held = math.prod(shape) * dtype.itemsize, size_bytes - member.tell()
    if told != held:
        raise ValueError(f"{name}: {dtype}{list(shape)} takes {told} bytes, got {held}")
    content = bytearray(member.read())
    return np.ndarray(shape, dtype, content, order="F" if is_fortran else "C")
