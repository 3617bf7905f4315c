"""Check a profile: whether its keys and values are those of the schema, and make sense together."""

from __future__ import annotations

import re
from math import isclose
from reprlib import repr as short_repr
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from hwsim.accelerators.find import find_accelerator
from hwsim.errors import FormatError, ProfileError, UnsupportedError
from hwsim.formats.find import find_format
from hwsim.numerics import find_policy, find_rounding
from hwsim.op import HEAVY_KINDS, LIGHT_KINDS, WORK_KINDS
from hwsim.profile.integers import ROUNDED
from hwsim.profile.kernels import LOCKSTEP
from hwsim.profile.named import constants, fits, hint, versions
from hwsim.profile.schema import DeviceProfile
from hwsim.profile.walking import caches, walks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from hwsim.profile.hardware import Hardware
    from hwsim.profile.integers import NumericsChoice
    from hwsim.profile.kernels import KernelRule

_TYPES = re.compile(r"f32|f32w([1-9]|1[0-6])|(f32|[1-9]|1[0-6])x([1-9]|1[0-6])g?")
# How pydantic calls the members of `quantities.Price`.
_NUMBER, _NAME = "constrained-float", "constrained-str"
_HOMES = ("weights", "activations")


def problems(tree: Mapping[str, object], stem: str) -> list[str]:
    """Return all that is wrong with a profile, one line each; empty when all is well.

    Its sources are held to its claims apart, by `unsourced`.

    Args:
        tree: What the profile's file says, inheritance and overrides included.
        stem: The file's name without its suffix.
    """
    return _checked(tree, stem)[1]


def validated(tree: Mapping[str, object], stem: str) -> DeviceProfile:
    """Return the profile that a tree says.

    Raises:
        ProfileError: It says none; the first of `problems`.
    """
    profile, wrong = _checked(tree, stem)
    if profile is None or wrong:
        raise ProfileError(f"{stem}: {wrong[0]}")
    return profile


def _checked(tree: Mapping[str, object], stem: str) -> tuple[DeviceProfile | None, list[str]]:
    profile = None
    try:
        profile = DeviceProfile.model_validate(tree)
    except ValidationError as error:
        found = (
            _line(tree, problem)
            for problem in error.errors(include_url=False)
            # A price may be a name too; what is neither is told once, as no number.
            if _NAME not in problem["loc"]
        )
    else:
        found = _nonsense(profile, stem)
    # Keys are the user's texts and may hold line breaks.
    return profile, [" ".join(problem.split()) for problem in found]


def _nonsense(profile: DeviceProfile, stem: str) -> Iterator[str]:
    if profile.name != stem:
        yield f"name: expected {stem!r}, as the file is called, got {profile.name!r}"
    yield from _hardware(profile.hardware)
    yield from caches(profile.hardware)
    for name, rule in profile.runtime.kernels.items():
        for problem in (
            *_names(rule),
            *_prices(rule, profile.hardware),
            *_schedule(rule),
            *walks(rule, profile.hardware),
        ):
            yield f"runtime.kernels.{name}.{problem}"
    yield from constants(profile)
    yield from versions(profile.runtime)
    yield from fits(profile)
    yield from _numerics(profile.numerics)


def _numerics(choice: NumericsChoice) -> Iterator[str]:
    try:
        find_policy(choice.policy)
    except UnsupportedError as error:
        yield f"numerics.policy: {error}"
    for key in ROUNDED:
        name = getattr(choice, key)
        try:
            if name is not None:
                find_rounding(name)
        except UnsupportedError as error:
            yield f"numerics.{key}: {error}"


def _hardware(hardware: Hardware) -> Iterator[str]:
    for home in _HOMES:
        holders = [name for name, memory in hardware.memories.items() if home in memory.holds]
        if len(holders) != 1:
            yield (
                f"hardware.memories: expected one memory that holds {home}, "
                f"got {', '.join(holders) or 'none'}"
            )
    if hardware.cores > 1 and "core_efficiency" not in hardware.model_fields_set:
        yield (
            f"hardware.core_efficiency: this key is required for {hardware.cores} cores; "
            "no cores scale ideally unless you say so, with 1.0"
        )
    for types in hardware.mac_pj:
        if not _TYPES.fullmatch(types):
            yield f"hardware.mac_pj.{types}: {_expected_types(types)}"


def _names(rule: KernelRule) -> Iterator[str]:
    for key in ("channels_in", "channels_out", "columns"):
        span = getattr(rule.takes, key)
        if span is not None and span[0] > span[1]:
            yield f"takes.{key}: expected the least first, got {list(span)}, which nothing is"
    if rule.winograd and (rule.takes.windows, rule.takes.strides) != (((3, 3),), ((1, 1),)):
        yield "winograd: expected takes.windows [[3, 3]] and takes.strides [[1, 1]] beside it"
    for kind in rule.ops:
        if kind not in WORK_KINDS:
            yield f"ops: no kind of work {kind!r}; known: {', '.join(WORK_KINDS)}"
    for types in rule.types:
        if not _TYPES.fullmatch(types):
            yield f"types.{types}: {_expected_types(types)}"
    for name in rule.formats:
        try:
            found = find_format(name).name
        except FormatError as error:
            yield f"formats.{name}: {error}"
        else:
            if found != name:
                yield f"formats.{name}: expected {found!r}, as the format is called"


def _prices(rule: KernelRule, hardware: Hardware) -> Iterator[str]:
    cycles = rule.cycles
    heavy = [kind for kind in rule.ops if kind in HEAVY_KINDS]
    light = [kind for kind in rule.ops if kind in LIGHT_KINDS]
    if heavy and not cycles.per_mac:
        yield f"cycles.per_mac: expected a price above 0, as {heavy[0]} multiplies, got 0"
    homes = [m for m in hardware.memories.values() if "activations" in m.holds]
    is_priced = any((cycles.per_call, cycles.per_input, cycles.per_output, cycles.per_position))
    if light and not is_priced and not any(memory.is_timed for memory in homes):
        yield (
            f"cycles: nothing prices {light[0]}; give per_call, per_input, per_output or "
            "per_position, or the bytes_per_cycle of the memory that holds activations"
        )
    if heavy:
        for types in dict.fromkeys(_multiplied(rule)):
            if types not in hardware.mac_pj:
                yield (
                    f"types: {heavy[0]} multiplies {types}, and hardware.mac_pj gives no energy "
                    f"of it (gives: {', '.join(hardware.mac_pj)}); add hardware.mac_pj.{types}"
                )


def _schedule(rule: KernelRule) -> Iterator[str]:
    """Yield what is wrong with the accelerator that a kernel names."""
    if rule.schedule == LOCKSTEP:
        if rule.geometry:
            yield f"geometry: expected none, as a {LOCKSTEP} schedule has a tile, got some"
        return
    try:
        accelerator = find_accelerator(rule.schedule, rule.geometry)
    except UnsupportedError as error:
        yield f"schedule: {error}; or {LOCKSTEP}"
        return
    per_mac, expected = rule.cycles.per_mac, 1.0 / accelerator.multipliers
    if isinstance(per_mac, float) and not isclose(per_mac, expected, rel_tol=1e-6):
        yield (
            f"cycles.per_mac: expected {expected:.9g}, as {rule.schedule} of this geometry has "
            f"{accelerator.multipliers} multipliers, got {per_mac:.9g}; 1/multipliers follows it"
        )


def _multiplied(rule: KernelRule) -> Iterator[str]:
    """Yield the types that the multipliers of this kernel see."""
    for types, support in rule.types.items():
        if not _TYPES.fullmatch(types):
            continue
        if support == "native" and "native" in rule.formats.values():
            yield types
        if support == "decoded" or "decoded" in rule.formats.values():
            activations = types.partition("x")[0]
            yield "f32" if types.startswith("f32") else f"{activations}x{activations}"


def _expected_types(types: str) -> str:
    return (
        "expected activation x weight bits, each 1 to 16, such as 8x4, or f32, f32x8, f32w8; "
        f"got {types!r}"
    )


def _line(tree: Mapping[str, object], problem: ErrorDetails) -> str:
    """Return a problem of the schema as `key: expected ..., got value (type)`."""
    key = ".".join(str(part) for part in problem["loc"] if part != _NUMBER)
    got = problem["input"]
    if problem["type"] == "extra_forbidden":
        beside = ", ".join(_siblings(tree, problem["loc"])) or "nothing"
        return f"{key}: there is no such key in the schema; beside it stand: {beside}"
    if problem["type"] == "missing":
        never = " and never inherited" if key in ("name", "description") else ""
        return f"{key}: this key is required{never}"
    return f"{key}: {problem['msg']}, got {short_repr(got)} ({type(got).__name__}){hint(got)}"


def _siblings(tree: Mapping[str, object], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that stand beside the last one of `location`."""
    *parents, leaf = location
    section = tree
    for step in parents:
        inner = section.get(str(step))
        if not isinstance(inner, dict):
            return []
        section = cast("dict[str, object]", inner)
    return [key for key in section if key != leaf]
