"""Gathers: activations read at the places of stored weights, walked through the caches."""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from hwsim.cache import simulate_gather, simulate_lines
from hwsim.cost.slots import tiles_of
from hwsim.cost.traffic import activation_bytes, element_bits, retains
from hwsim.cost.walked import is_walking, stored_per_row
from hwsim.errors import UnsupportedError
from hwsim.jit import kernel
from hwsim.profile.walking import cache_levels
from hwsim.sparsity.pattern import Pattern, pack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import IntArray
    from hwsim.cache import CacheLevel
    from hwsim.cost.patterns import Patterns
    from hwsim.program import Program, Step
    from hwsim.tensor import Weight

Misses: TypeAlias = tuple[int, ...]
"""Lines that each cache fetches, nearest first."""

_Key: TypeAlias = "tuple[bytes, int, int, int, tuple[CacheLevel, ...]]"

_MOST_KNOWN: Final = 4096
_known: dict[_Key, Misses] = {}
_lock = threading.Lock()


def gathers_of(program: Program, step: Step, patterns: Patterns) -> tuple[int, Mapping[str, int]]:
    """Return how many activations a step reads at looked-up places, and the lines they fetch.

    For each tile of positions, row by row in the order of CSR, each stored weight reads the
    activations of its place: those of all positions of the tile lie together, the elements of the
    activations' type side by side. Tiles are read once and lie in lines of their own, so that no
    line that an earlier tile left is read again: each fetches as many as the first one, whose
    caches are cold, and one walk stands for all of them exactly.

    A cache that retains what the last op wrote has it: nothing is fetched from behind.

    Raises:
        UnsupportedError: The format stores more than the weights that are not zero.
    """
    rule, weight = step.rule, step.weight
    if rule is None or weight is None or not rule.gathers or not is_walking(step):
        return 0, {}
    pattern = pack(patterns.weights(weight))
    if rule.zeros != "check":
        _require_plain(program, step, weight)
    tiles = tiles_of(step.workload, rule.tile)
    bits = element_bits(step, program.profile.runtime.real_bits)
    width = -(-bits * rule.tile.positions // 8)
    hardware = program.profile.hardware
    found = misses_of_tile(cache_levels(hardware), pattern, step.workload.groups, width)
    size, fetched = activation_bytes(program, step), dict[str, int]()
    for (cache, memory), misses in zip(hardware.fetched_from.items(), found, strict=True):
        if retains(hardware.memories[cache], size):
            break
        fetched[memory] = misses * tiles
    return pattern.nonzeros * tiles, {name: lines for name, lines in fetched.items() if lines}


def misses_of_tile(
    levels: tuple[CacheLevel, ...], pattern: Pattern, groups: int, width: int
) -> Misses:
    """Return the lines that each cache fetches for one tile of positions, the caches cold.

    The last few thousand results are kept by content: the same pattern on many devices with the
    same caches is walked once.

    Args:
        levels: Nearest first.
        pattern: [groups x rows, k] stored weights.
        groups: Whose activations lie behind each other.
        width: Bytes of one place, all positions of the tile.
    """
    digest = sha256(pattern.words.tobytes()).digest()
    key = digest, pattern.k, groups, width, levels
    if key in _known:
        return _known[key]
    misses = _walked(levels, pattern, groups, width)
    with _lock:
        if len(_known) >= _MOST_KNOWN:
            del _known[next(iter(_known))]
        _known[key] = misses
    return misses


def _walked(levels: tuple[CacheLevel, ...], pattern: Pattern, groups: int, width: int) -> Misses:
    """See `misses_of_tile`; nothing is kept.

    Activations that lie behind each other and fit into every cache fill no set beyond its ways:
    each line that is used is fetched once.
    """
    if groups * pattern.k * width <= min(level.size_bytes for level in levels):
        first = _used(pattern, groups) * width
        return tuple(_lines(first, width, level.line_bits) for level in levels)
    places, line = _places(pattern, groups), levels[0].line_bytes
    if line % width:
        traffic = simulate_gather(levels, places, element_bytes=width)
    else:
        # The line that was read last is there: only changes of line need to be looked up.
        changes = np.empty(len(places), np.int64)
        found = line_changes(places, (line // width).bit_length() - 1, changes)
        traffic = simulate_lines(levels, changes[:found])
    return tuple(level.misses for level in traffic.levels)


@kernel
def line_changes(places: IntArray, bits: int, out: IntArray) -> int:
    """Set `out` to the lines that places lie in, each run of one line once; return how many.

    Args:
        places: [n] whole numbers from 0.
        bits: A line has 2^bits places.
        out: [at least n] int64, overwritten.
    """
    found, last = 0, np.int64(-1)
    for at in range(places.shape[0]):
        line = np.int64(places[at]) >> bits
        # Overwritten by the next one unless it is another: nothing branches.
        out[found] = line
        found += np.int64(line != last)
        last = line
    return int(found)


def _used(pattern: Pattern, groups: int) -> IntArray:
    """Return int64, the places that some weight meets, rising."""
    words = pattern.words.reshape(groups, -1, pattern.words.shape[1])
    met = Pattern(k=pattern.k, words=np.bitwise_or.reduce(words, axis=1))
    return _places(met, groups).astype(np.int64)


def _lines(first: IntArray, width: int, bits: int) -> int:
    """Return how many lines of 2^bits bytes hold the spans of `width` bytes from `first` on."""
    low, high = first >> bits, (first + width - 1) >> bits
    # Spans rise, so only the first line of one can be the last of the one before.
    before = np.concatenate(([-1], high[:-1]))
    return int((high - low + 1 - (low == before)).sum())


def _places(pattern: Pattern, groups: int) -> IntArray:
    """Return int64 [non-zeros], the place of the activation that each stored weight meets."""
    columns = pattern.columns
    if groups == 1:
        return columns
    per_row = pattern.per_row
    group = np.arange(len(per_row)) // (len(per_row) // groups)
    return columns + np.repeat(group * pattern.k, per_row)


def _require_plain(program: Program, step: Step, weight: Weight) -> None:
    """Refuse formats that store weights whose places the non-zeros do not tell."""
    if int(stored_per_row(weight, step).sum()) != weight.nonzeros:
        raise UnsupportedError(
            f"{program.graph.name}/{step.node.name}: kernel {step.kernel!r} gathers, and where the "
            f"zeros lie that {weight.format.name} stores is not known; give it csr or bitmask"
        )
