"""Inputs and labels that a user brings."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError

if TYPE_CHECKING:
    from hwsim.arrays import Array


# What reading a damaged archive raises; RuntimeError where it claims a cipher or a later version.
_DAMAGES = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """Stacked samples.

    Attributes:
        x: [samples, ...]: the graph input's shape without its batch axis of 1; integer codes or
            reals.
        y: [samples] integer labels, or None.
        name: Where it came from, for messages.
    """

    x: Array
    y: Array | None = None
    name: str = "data"

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.x.shape[0]

    def head(self, count: int) -> Data:
        """Return the first `count` samples."""
        return replace(self, x=self.x[:count], y=None if self.y is None else self.y[:count])


def load_data(path: str | Path) -> Data:
    """Read an .npz file with `x` (stacked inputs) and, if there are labels, `y`.

    Raises:
        DataError: The file is missing or damaged, has no `x`, holds NaN or infinity, or labels
            that are no integers or not as many as inputs.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path):
            pass  # np.load would take other kinds of file, and mention pickles for the rest.
        with np.load(path, allow_pickle=False) as file:
            if "x" not in file:
                names = ", ".join(map(repr, file.files)) or "nothing"
                raise DataError(
                    f"{path.name}: expected an array 'x' of stacked inputs, got {names}"
                )
            x = np.asarray(file["x"])
            y = np.asarray(file["y"]) if "y" in file else None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected an .npz with x and, if known, y") from None
    except _DAMAGES as error:
        raise DataError(f"{path.name}: not a readable .npz file ({error})") from error
    return checked(Data(x=x, y=y, name=path.name))


def checked(data: Data) -> Data:
    """Return `data` if its arrays can be used.

    Raises:
        DataError: No samples, no numbers, NaN or infinity, or labels that do not match.
    """
    if data.x.ndim < 1 or data.x.shape[0] == 0:
        raise DataError(f"{data.name}: x has shape {list(data.x.shape)}; expected stacked samples")
    if data.x.dtype.kind not in "iuf":
        raise DataError(f"{data.name}: x is {data.x.dtype}; expected integers or reals")
    bad = 0 if data.x.dtype.kind != "f" else int((~np.isfinite(data.x)).sum())
    if bad:
        raise DataError(f"{data.name}: x holds {bad} NaN or infinite values; expected finite reals")
    if data.y is not None and (data.y.dtype.kind not in "iu" or data.y.shape != data.x.shape[:1]):
        raise DataError(
            f"{data.name}: y is {data.y.dtype}{list(data.y.shape)}; "
            f"expected one integer label for each of {data.x.shape[0]} inputs"
        )
    return data
