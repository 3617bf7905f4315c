"""Inputs and labels that a user brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError
from hwsim.npz import DAMAGES, read_arrays

if TYPE_CHECKING:
    from hwsim.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Data:
    """Stacked samples.

    Attributes:
        x: [samples, ...]: the graph input's shape without its batch axis of 1; integer codes or
            reals.
        y: [samples] integer labels, or None.
        name: Where it came from, for messages.

    Raises:
        DataError: No samples, no numbers, NaN or infinity, or labels that do not match.
    """

    x: Array
    y: Array | None = None
    name: str = "data"

    def __post_init__(self) -> None:
        """Check the arrays once, so that everyone else may trust them."""
        _check_inputs(self.name, self.x)
        if self.y is not None:
            _check_labels(self.name, self.y, self.count)

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
        arrays = read_arrays(path, wanted=("x", "y"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected an .npz with x and, if known, y") from None
    except DAMAGES as error:
        raise DataError(f"{path.name}: not a readable .npz file ({error})") from error
    if "x" not in arrays:
        names = ", ".join(map(repr, arrays)) or "nothing"
        raise DataError(f"{path.name}: expected an array 'x' of stacked inputs, got {names}")
    return Data(x=arrays["x"], y=arrays.get("y"), name=path.name)


def _check_inputs(name: str, x: Array) -> None:
    if type(x) is not np.ndarray:
        raise DataError(f"{name}: x is a {type(x).__name__}; expected a NumPy array")
    shape = list(x.shape)
    if x.ndim < 1 or x.shape[0] == 0:
        raise DataError(f"{name}: x has shape {shape}; expected stacked samples")
    if x.dtype.kind not in "iuf":
        raise DataError(f"{name}: x is {x.dtype}; expected integers or reals")
    bad = 0 if x.dtype.kind != "f" else int((~np.isfinite(x)).sum())
    if bad:
        raise DataError(f"{name}: x holds {bad} NaN or infinite values; expected finite reals")


def _check_labels(name: str, y: Array, count: int) -> None:
    is_array = type(y) is np.ndarray
    if not is_array or y.dtype.kind not in "iu" or y.shape != (count,):
        got = f"{y.dtype}{list(y.shape)}" if is_array else type(y).__name__
        raise DataError(
            f"{name}: y is {got}; expected one integer label for each of {count} inputs"
        )
