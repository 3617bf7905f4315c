"""Tensors that another run wrote to an .npz file, such as `hwsim run --all-tensors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import DataError
from hwsim.npz import DAMAGES, read_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Array


def recorded_tensors(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file by name.

    Raises:
        DataError: It is missing or damaged.
    """
    try:
        return read_arrays(path)
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; expected what hwsim run --all-tensors wrote"
        ) from None
    except DAMAGES as error:
        raise DataError(f"{path.name}: not a readable .npz file ({error})") from error
