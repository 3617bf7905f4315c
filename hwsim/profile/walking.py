"""Check what a profile says of zeros and of looked-up places: whether its parts fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cache import CacheLevel, CacheState
from hwsim.errors import ProfileError
from hwsim.formats import Dense
from hwsim.profile.kernels import LOCKSTEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.profile.hardware import Hardware
    from hwsim.profile.kernels import KernelRule

# Four times the lines of any cache that is sold; each takes eight bytes of the host.
_MOST_LINES = 1 << 26


def caches(hardware: Hardware) -> Iterator[str]:
    """Yield memories that are caches by half, and caches whose extents do not fit."""
    for name, memory in hardware.memories.items():
        key = f"hardware.memories.{name}"
        if (memory.ways is None) != (memory.line_bytes is None):
            absent = "ways" if memory.ways is None else "line_bytes"
            yield f"{key}.{absent}: this key is required, as line_bytes and ways go together"
        elif memory.holds and memory.ways is not None:
            yield f"{key}.ways: expected none, as what holds {memory.holds[0]} is no cache"
        elif memory.is_cache and memory.size_bytes > _MOST_LINES * (memory.line_bytes or 1):
            yield (
                f"{key}.size_bytes: expected at most {_MOST_LINES} lines of {memory.line_bytes} "
                f"bytes, as each is walked, got {memory.size_bytes} bytes"
            )
            return
    try:
        levels = cache_levels(hardware)
        if levels:
            CacheState.empty(levels)
    except ProfileError as error:
        yield f"hardware.memories.{error}"


def cache_levels(hardware: Hardware) -> tuple[CacheLevel, ...]:
    """Return the caches of a chip, nearest first.

    Raises:
        ProfileError: The extents of one make no cache.
    """
    return tuple(
        CacheLevel(
            name=name,
            size_bytes=memory.size_bytes,
            line_bytes=memory.line_bytes,
            ways=memory.ways,
        )
        for name, memory in hardware.memories.items()
        if not memory.holds and memory.line_bytes is not None and memory.ways is not None
    )


def walks(rule: KernelRule, hardware: Hardware) -> Iterator[str]:
    """Yield what a kernel cannot do together, and what its gathers lack."""
    yield from _together(rule)
    if not rule.gathers:
        return
    fetched_from = hardware.fetched_from
    if not fetched_from:
        yield (
            "gathers: expected a cache that activations are gathered through; give line_bytes and "
            "ways to a memory that holds nothing"
        )
    for cache, memory in fetched_from.items():
        if hardware.memories[memory].latency_cycles is None:
            yield (
                f"gathers: {cache} fetches lines from {memory}, whose latency is not known; add "
                f"hardware.memories.{memory}.latency_cycles"
            )


def _together(rule: KernelRule) -> Iterator[str]:
    is_plain = rule.zeros == "multiply" and rule.skips_vectors is None
    walks_rows = rule.workers > 1 or rule.gathers
    if rule.schedule != LOCKSTEP and not (is_plain and not walks_rows):
        yield (
            f"schedule: {rule.schedule} finds zeros by itself; expected no zeros, skips_vectors, "
            f"gathers or workers beside it, or {LOCKSTEP}"
        )
    if rule.winograd and not (is_plain and rule.workers == 1):
        yield (
            "winograd: transformed weights have no zeros; expected no zeros, skips_vectors or "
            "workers beside it"
        )
    if rule.units > 1 and (rule.workers > 1 or rule.finds_zeros):
        yield "units: expected 1, as workers take whole groups of channels; say workers instead"
    if rule.workers == 1 and {"scheduling", "chunk"} & rule.model_fields_set:
        yield "workers: expected 2 or more, as scheduling says who of them takes which channels"
    if rule.scheduling == "static" and rule.chunk > 1:
        yield "chunk: expected 1, as static scheduling gives out single groups; or chunked, queue"
    if rule.skips_vectors is not None and rule.tile.k != 1:
        yield "tile.k: expected 1, as skips_vectors says how many weights move together"
    if rule.skips_vectors is not None and rule.gathers:
        yield "gathers: expected false, as vectors of weights meet vectors of activations"
    if rule.zeros == "check_activations":
        yield from _looks_at_activations(rule)
    if rule.finds_zeros and rule.other_tiles:
        yield "other_tiles: expected none, as the kernel walks what is not zero with one tile"


def _looks_at_activations(rule: KernelRule) -> Iterator[str]:
    if (rule.tile.positions, rule.tile.k, rule.other_tiles, rule.units) != (1, 1, (), 1):
        yield (
            "tile: expected m alone, and one tile, as an activation that is looked at is one "
            "weight deep and one position wide"
        )
    if rule.workers > 1 or rule.skips_vectors is not None:
        yield "zeros: expected no workers and skips_vectors beside check_activations"
    for name, support in rule.formats.items():
        if support == "native" and name != Dense().name:
            yield f"formats.{name}: expected decoded, as each activation meets dense weights"
