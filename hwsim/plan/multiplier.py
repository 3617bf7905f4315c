"""Which instruction set a layer is multiplied by: matrices where there are, and where they gain."""

from __future__ import annotations

import ctypes
import math
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwsim.jit import target
from hwsim.kernels.micro.isa import TILE_ROWS, features_of, native
from hwsim.kernels.micro.rounding import find_form
from hwsim.kernels.micro.tiles import AMX
from hwsim.numerics.rounding import find_rounding
from hwsim.plan.heavy import End, end_constants
from hwsim.plan.runs import Panels, Runs, offsets_of, packed, taps_of

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.kernels.micro.isa import Isa

_FEWEST_POSITIONS: Final = 2 * TILE_ROWS
"""Below, a layer waits for its weights, and vectors waste less."""

_LEAST_FULL: Final = 0.75
"""Share of a tile's products that are wanted: where fewer are, vectors are as fast."""

# arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) of Linux on x86-64.
_SYSCALL: Final = 158, 0x1023, 18


def multiplier(what: Runs) -> Isa:
    """Return what multiplies a layer fastest in this process."""
    return AMX if gains_by_tiles(what) and has_tiles() else native()


def gains_by_tiles(what: Runs) -> bool:
    """Return whether tiles are full enough: of positions, and of the values of a run."""
    positions, length = math.prod(what.positions), what.weights.shape[3]
    whole = -(-positions // TILE_ROWS) * TILE_ROWS * -(-length // AMX.group) * AMX.group
    return positions >= _FEWEST_POSITIONS and positions * length >= _LEAST_FULL * whole


@cache
def has_tiles() -> bool:
    """Return whether tiles may be used: by the compiler, by the system, and for what they give.

    Without the first two, an instruction would end the process.
    """
    return AMX.features <= features_of(target()[1]) and _is_granted() and agrees(AMX, native())


def _is_granted() -> bool:
    """Ask the system for the tiles' registers, which it keeps from every process at first.

    It grants them to all threads, or refuses: where it does not know them, or a handler of signals
    has too little room.
    """
    if sys.platform != "linux":
        return False
    library: Any = ctypes.CDLL(None)
    return library.syscall(*map(ctypes.c_long, _SYSCALL)) == 0


def agrees(isa: Isa, other: Isa) -> bool:
    """Return whether two instruction sets give the same bytes for a few panels.

    They differ in all that one tile can: full and not, of one vector and of four, in one step and
    in more than are gathered at once.
    """
    panels = ((64, 37, 700), (16, 16, 64), (33, 5, 1))
    return all(np.array_equal(_panel(isa, *size), _panel(other, *size)) for size in panels)


def _panel(isa: Isa, out: int, positions: int, length: int) -> Array:
    """Return the bytes of a panel of `out` channels, of two taps of `length` values: any values."""
    rng = np.random.default_rng(length)
    what = Runs(
        images=(1, 2, positions, length),
        positions=(1, 1, positions),
        weights=rng.integers(-128, 128, (out, 2, 1, length)),
    )
    x = np.pad(rng.integers(0, 256, 2 * positions * length).astype(np.uint8), (0, 64))
    strides = (2 * positions * length, positions * length, length)
    taps, runs = taps_of(what, (what.weights,), strides, isa)
    split = Panels.of(isa, out, positions)
    offsets = np.pad(offsets_of(what, strides), (0, TILE_ROWS), mode="edge")
    (places,) = split.places(0)
    rounding = find_rounding("gemmlowp")
    # Sums of about 10^4 sqrt(length) spread over all bytes.
    multipliers = rounding.multipliers(1.0, np.full(out, 0.004), math.sqrt(length))
    end = End(
        input_zero=0,
        bias=rng.integers(-1000, 1000, out),
        rounding=rounding.name,
        form=find_form(rounding.name, multipliers.values, multipliers.exponents) or 0,
        multipliers=multipliers,
        limits=(128, 3, 252),
    )
    arrays = (
        x, offsets, taps.astype(np.int32), packed(runs, places, isa),
        end_constants(end, end.bias, places, isa), np.zeros(positions * out + 64, np.uint8),
    )  # fmt: skip
    x_at, offsets_at, taps_at, weights_at, ends_at, y_at = (a.ctypes.data for a in arrays)
    function: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 10)(max(split.addresses(end.form)))
    steps = runs.shape[2] // isa.group
    function(x_at, offsets_at, positions, taps_at, len(taps), steps, weights_at, ends_at, y_at, out)
    return arrays[-1][: positions * out]
