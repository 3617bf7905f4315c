"""Sparse accelerators, counted exactly from real patterns of non-zeros: one file each."""

from __future__ import annotations

from hwsim.accelerators._walk import Accelerator, Mask, Walk
from hwsim.accelerators.dual_side import DualSide
from hwsim.accelerators.eie import Eie
from hwsim.accelerators.eyeriss_v2 import EyerissV2
from hwsim.accelerators.pe_array import PeArray
from hwsim.accelerators.scnn import Scnn

ACCELERATORS: tuple[type[Accelerator], ...] = (DualSide, Eie, EyerissV2, PeArray, Scnn)
"""All of them; a kernel of a device profile names one as its schedule."""

__all__ = [
    "ACCELERATORS",
    "Accelerator",
    "DualSide",
    "Eie",
    "EyerissV2",
    "Mask",
    "PeArray",
    "Scnn",
    "Walk",
]
