"""Tensors that another run wrote to an .npz file, such as `hwsim run --all-tensors`."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Array

# What reading a damaged archive raises; RuntimeError where it claims a cipher or a later version.
_DAMAGES = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def recorded_tensors(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file by name.

    Raises:
        DataError: It is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path):
            pass  # np.load would take other kinds of file, and mention pickles for the rest.
        with np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in file.files}
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; expected what hwsim run --all-tensors wrote"
        ) from None
    except _DAMAGES as error:
        raise DataError(f"{path.name}: not a readable .npz file ({error})") from error
