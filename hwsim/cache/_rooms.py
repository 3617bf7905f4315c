"""Rooms for blocks of events that are kept from one stream to the next.

A new array of this size is fetched from the system and handed back page by page, which takes longer
than to walk a short stream.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

_kept = threading.local()


def room(at: int, size: int) -> IntArray:
    """Return int64 [size] for one purpose, `at`, of this thread; what it holds is anything.

    It is the same array each time: nobody who calls may still use the last one.
    """
    rooms: dict[tuple[int, int], IntArray] = _kept.__dict__.setdefault("rooms", {})
    if (at, size) not in rooms:
        rooms[at, size] = np.empty(size, np.int64)
    return rooms[at, size]
