"""Scales: factors on what a device has much of, as ordinary overrides of its profile.

`scale.clock`, `scale.bandwidth`, `scale.simd` and `scale.cache` stand wherever a dotted key does,
and mean something on every device that has such a thing; others are refused by name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from hwsim.errors import ProfileError
from hwsim.profile.check import validated
from hwsim.profile.kernels import LOCKSTEP
from hwsim.profile.tree import overridden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.profile.kernels import KernelRule, Tile
    from hwsim.profile.schema import DeviceProfile

_PREFIX: Final = "scale."
# Beyond lie slips of the keyboard; bounds of the keys themselves are the schema's.
_LEAST, _MOST = 1e-6, 1e6

Overrides: TypeAlias = dict[str, object]


def is_scale(key: str) -> bool:
    """Return whether a key is one of these factors, or a misspelt one, and no key of a profile."""
    return key == _PREFIX.rstrip(".") or key.startswith(_PREFIX)


def expanded(profile: DeviceProfile, scales: Mapping[str, object]) -> Overrides:
    """Return the ordinary overrides that these factors mean on a profile; none for a factor of 1.

    - `scale.clock`: `hardware.clock_hz` times f.
    - `scale.bandwidth`: bytes per cycle of all memories whose transfers are timed times f; cycles
      per byte, and the constants that memories alone name, over f.
    - `scale.simd`, a power of two: the widest extent of each multiplying kernel's tiles (its
      `skips_vectors` where it skips those) times f, at least 1, and its `per_mac` over f. Assumed:
      a lane more or less changes nothing else, and no frequency pays for it.
    - `scale.cache`: bytes of the memories that hold nothing at rest, times f.

    Args:
        profile: With all ordinary overrides.
        scales: Factors above 0 by key.

    Raises:
        ProfileError: There is no such factor, or nothing on this device that it is of.
    """
    found: Overrides = {}
    for key, value in scales.items():
        if key not in _SCALES:
            raise ProfileError(f"no factor {key!r}; there are {', '.join(_SCALES)}")
        factor = _factor(key, value)
        if factor != 1.0:
            found |= _SCALES[key](profile, factor)
    return found


def rescaled(profile: DeviceProfile, scales: Mapping[str, object]) -> DeviceProfile:
    """Return a profile with factors laid over it, as `hwsim.device` does.

    Raises:
        ProfileError: See `expanded`; or what it makes is no profile.
    """
    tree = profile.model_dump(exclude_unset=True)
    for key, value in expanded(profile, scales).items():
        tree = overridden(tree, key, value)
    return validated(tree, profile.name)


def _factor(key: str, value: object) -> float:
    factor = value if isinstance(value, int | float) and value is not True else math.nan
    if not _LEAST <= factor <= _MOST:
        raise ProfileError(
            f"{key}: expected a factor of {_LEAST:g} to {_MOST:g}, such as 0.5 or 2, got {value!r}"
        )
    return float(factor)


def _clock(profile: DeviceProfile, factor: float) -> Overrides:
    return {"hardware.clock_hz": profile.hardware.clock_hz * factor}


def _bandwidth(profile: DeviceProfile, factor: float) -> Overrides:
    found: Overrides = {}
    for name, memory in profile.hardware.memories.items():
        key = f"hardware.memories.{name}"
        if memory.bytes_per_cycle is not None:
            found[f"{key}.bytes_per_cycle"] = memory.bytes_per_cycle * factor
        elif memory.cycles_per_byte is not None:
            found |= _cheaper(profile, f"{key}.cycles_per_byte", memory.cycles_per_byte, factor)
    if not found:
        raise ProfileError(
            f"scale.bandwidth: no memory of {profile.name} has a bandwidth: transfers are part of "
            "its kernels' cycles; override runtime.kernels.NAME.cycles instead"
        )
    return found


def _simd(profile: DeviceProfile, factor: float) -> Overrides:
    mantissa, _ = math.frexp(factor)
    if mantissa != 0.5:
        raise ProfileError(f"scale.simd: expected a power of two, such as 0.5 or 2, got {factor:g}")
    found: Overrides = {}
    for name, rule in profile.runtime.kernels.items():
        price, key = rule.cycles.per_mac, f"runtime.kernels.{name}"
        if not price:
            continue
        if rule.schedule != LOCKSTEP:
            raise ProfileError(
                f"scale.simd: kernel {name!r} of {profile.name} runs on an array ({rule.schedule}) "
                f"whose extents each mean something else; override {key}.geometry instead"
            )
        found |= _wider(key, rule, factor) | _cheaper(
            profile, f"{key}.cycles.per_mac", price, factor
        )
    if not found:
        raise ProfileError(f"scale.simd: no kernel of {profile.name} multiplies")
    return found


def _cache(profile: DeviceProfile, factor: float) -> Overrides:
    found: Overrides = {
        f"hardware.memories.{name}.size_bytes": max(1, round(memory.size_bytes * factor))
        for name, memory in profile.hardware.memories.items()
        if not memory.holds
    }
    if not found:
        raise ProfileError(
            f"scale.cache: {profile.name} has no cache or scratchpad: each of its memories holds "
            "weights or activations; override hardware.memories.NAME.size_bytes instead"
        )
    return found


_SCALES: Final[Mapping[str, Callable[[DeviceProfile, float], Overrides]]] = {
    f"{_PREFIX}clock": _clock,
    f"{_PREFIX}bandwidth": _bandwidth,
    f"{_PREFIX}simd": _simd,
    f"{_PREFIX}cache": _cache,
}

SCALES: Final = tuple(_SCALES)
"""The factors that there are."""


def _wider(key: str, rule: KernelRule, factor: float) -> Overrides:
    """Return a kernel's width times `factor`: of its vectors, or of its tiles."""
    if rule.skips_vectors is not None:
        return {f"{key}.skips_vectors": max(1, int(rule.skips_vectors * factor))}
    found: Overrides = {}
    widest, extent = _widest(rule.tile, factor)
    if "tile" in rule.model_fields_set:
        found[f"{key}.tile.{widest}"] = extent
    else:
        found[f"{key}.tile"] = {widest: extent}
    if rule.other_tiles:
        found[f"{key}.other_tiles"] = [
            tile.model_dump(exclude_unset=True) | dict([_widest(tile, factor)])
            for tile in rule.other_tiles
        ]
    return found


def _widest(tile: Tile, factor: float) -> tuple[str, int]:
    """Return the widest extent of a tile, the first of equal ones, times `factor`."""
    extents = {"m": tile.m, "n": tile.n, "k": tile.k}
    name = max(extents, key=lambda one: extents[one])
    return name, max(1, int(extents[name] * factor))


def _cheaper(profile: DeviceProfile, key: str, price: float | str, factor: float) -> Overrides:
    """Return a price over `factor`: under its name, if all that names it is of the same kind.

    A constant that others name, too, becomes a number for this one.
    """
    if not isinstance(price, str):
        return {key: price / factor}
    leaf = key.rpartition(".")[2]
    cheaper = profile.runtime.constants[price] / factor
    is_own = all(one.rpartition(".")[2] == leaf for one in _named(profile, price))
    return {f"runtime.constants.{price}" if is_own else key: cheaper}


def _named(profile: DeviceProfile, constant: str) -> list[str]:
    """Return the dotted keys of all prices that name a constant."""
    runtime = profile.runtime
    prices: dict[str, object] = {
        f"runtime.{key}": value for key, value in runtime if key.startswith("per_")
    }
    for name, memory in profile.hardware.memories.items():
        prices[f"hardware.memories.{name}.cycles_per_byte"] = memory.cycles_per_byte
    for name, rule in runtime.kernels.items():
        prices |= {f"runtime.kernels.{name}.cycles.{key}": value for key, value in rule.cycles}
    return [key for key, value in prices.items() if isinstance(value, str) and value == constant]
