"""Names for the arrays that travel through the house."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""Integer codes or reals; the type beside it says which."""

IntArray: TypeAlias = npt.NDArray[Any]
"""Integer codes of any width."""

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""Reals in double precision."""

Shape: TypeAlias = tuple[int, ...]
