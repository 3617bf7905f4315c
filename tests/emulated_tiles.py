"""AMX's tiles and the instructions on them in NumPy, as strict as a processor."""

from __future__ import annotations

import ctypes
import threading
from typing import Any, Final

import numpy as np

from hwsim.arrays import Array


class Tiles(threading.local):
    """The tiles of a thread, and what was wrong with the instructions on them."""

    errors: list[str]
    lost_at: int = -1
    """Before which instruction from now all tiles lose what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.errors = []
        self.rows: list[int] = []
        self.row_bytes: list[int] = []
        self.data: Array = np.zeros((8, 16, 64), np.uint8)

    def ldtilecfg(self, address: int) -> None:
        raw = np.array((ctypes.c_uint8 * 64).from_address(address))
        assert raw[0] == 1
        assert not raw[1:16].any()
        assert not raw[32:48].any()
        assert not raw[56:].any()
        self.rows = raw[48:56].tolist()
        self.row_bytes = raw[16:32].view(np.uint16).tolist()
        assert all(1 <= rows <= 16 for rows in self.rows)
        assert all(0 < count <= 64 and count % 4 == 0 for count in self.row_bytes)
        # A processor clears them: nothing may rely on it.
        self.data[:] = 0xA5

    def tilerelease(self) -> None:
        self.rows, self.row_bytes = [], []

    def tilezero(self, tile: int) -> None:
        self.data[tile] = 0

    def tileloadd64(self, tile: int, address: int, stride: int) -> None:
        self.data[tile] = 0
        for row in range(self.rows[tile]):
            line = (ctypes.c_uint8 * self.row_bytes[tile]).from_address(address + row * stride)
            self.data[tile, row, : self.row_bytes[tile]] = line

    def tilestored64(self, tile: int, address: int, stride: int) -> None:
        for row in range(self.rows[tile]):
            line = (ctypes.c_uint8 * self.row_bytes[tile]).from_address(address + row * stride)
            line[:] = self.data[tile, row, : self.row_bytes[tile]].tolist()

    def tdpbusd(self, c: int, a: int, b: int) -> None:
        assert len({a, b, c}) == 3
        m, k, n = self.rows[c], self.row_bytes[a] // 4, self.row_bytes[c] // 4
        assert (self.rows[a], self.rows[b], self.row_bytes[b]) == (m, k, 4 * n)
        first = self.data[a, :m, : 4 * k].reshape(m, k, 4).astype(np.int64)
        second = self.data[b, :k, : 4 * n].view(np.int8).reshape(k, n, 4).astype(np.int64)
        products = np.tensordot(first, second.transpose(0, 2, 1), axes=2)
        total = self.data[c, :m, : 4 * n].view(np.int32)
        total[:] = (total + products).astype(np.int32)

    def executed(self, name: str, *operands: int) -> None:
        """Run one instruction; a callback has nobody to raise to."""
        if self.lost_at == 0:
            self.data[:] = 0
        self.lost_at -= 1
        try:
            assert self.rows or name == "ldtilecfg", "not configured"
            getattr(self, name)(*operands)
        except (AssertionError, IndexError) as error:
            self.errors.append(f"{name}{operands}: {error}")


PROCESSOR: Final = Tiles()
TILE, ADDRESS, NUMBER = ctypes.c_int8, ctypes.c_void_p, ctypes.c_int64
OPERANDS: Final[dict[str, tuple[Any, ...]]] = {
    "ldtilecfg": (ADDRESS,),
    "tilerelease": (),
    "tilezero": (TILE,),
    "tileloadd64": (TILE, ADDRESS, NUMBER),
    "tilestored64": (TILE, ADDRESS, NUMBER),
    "tdpbusd": (TILE, TILE, TILE),
}


def callback(name: str) -> Any:
    """Return what emulates an instruction, as code may call it."""
    type_: Any = ctypes.CFUNCTYPE(None, *OPERANDS[name])

    def executed(*operands: int) -> None:
        PROCESSOR.executed(name, *operands)

    return type_(executed)


# Loaded code keeps their addresses.
CALLBACKS: Final = {name: callback(name) for name in OPERANDS}
