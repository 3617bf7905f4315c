"""Detail: what a page shows of one result beyond its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hwsim.cost import count
from hwsim.cost.price import cycles_per_byte
from hwsim.errors import HwsimError
from hwsim.lower import lower
from hwsim.memory import peak_bytes
from hwsim.profile import load_profile, value_of
from hwsim.profile.scaled import expanded, is_scale, rescaled
from hwsim.profile.sources import covering
from hwsim.records import Alive, Detail, Provenance, Roof
from hwsim.repricing import bill_of, spreads_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.activations import Activations
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program, Step
    from hwsim.records import Bill, Counts, Estimate

WIDTHS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Factors on a profile's SIMD width that a page offers."""


def detail_of(
    program: Program,
    counts: Sequence[Counts],
    estimate: Estimate,
    activations: Activations | None = None,
    *,
    laid: tuple[str, ...] | None = None,
) -> Detail:
    """Return what a page shows of one result beyond its figures.

    Args:
        program: What ran.
        counts: One record per step.
        estimate: What they cost there.
        activations: Those that `counts` were counted with; other widths are counted with them too.
        laid: `key=value` texts over the profile, for a command line that says the same; None where
            nobody knows.
    """
    bill = bill_of(program, counts)
    sources = _sources_of(program.profile, bill)
    return Detail(
        bill=bill,
        widths=_widths(program, bill, activations),
        buffers=_buffers(program),
        own_ram_bytes=estimate.footprint.peak_ram_bytes - peak_bytes(program.arena),
        macs_roofs=_macs_roofs(program),
        bytes_roofs=_bytes_roofs(program),
        spreads=spreads_of(bill, program.profile.sources),
        provenance=_provenance(program.profile, sources),
        laid=None if laid is None else _ordinary(program.profile, laid),
    )


def _widths(program: Program, bill: Bill, activations: Activations | None) -> Mapping[float, Bill]:
    """Return the bills of the same graph where the kernels' lanes are more or fewer.

    A width that the profile does not admit is left out, as is one at which nothing runs.
    """
    bills: dict[float, Bill] = {}
    keyed = _Keyed(digest=program.profile.sha256, profile=program.profile)
    for width in WIDTHS:
        if width == 1:
            bills[width] = bill
            continue
        try:
            other = lower(program.graph, _wider(keyed, width))
            bills[width] = bill_of(other, count(other, activations))
        except HwsimError:
            continue
    return bills


def _ordinary(profile: DeviceProfile, laid: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what is laid over a shipped profile, factors written out as the keys that they mean.

    A factor is laid over all other overrides, so nothing more can be laid over it. None where the
    profile is not that of its name, so that nobody knows what the factors were of.
    """
    pairs = [text.partition("=") for text in laid]
    if not any(is_scale(key) for key, _, _ in pairs):
        return laid
    try:
        given = {key: value_of(key, text) for key, _, text in pairs}
        plain = {key: value for key, value in given.items() if not is_scale(key)}
        scales = {key: value for key, value in given.items() if is_scale(key)}
        if load_profile(profile.name, given).sha256 != profile.sha256:
            return None
        meant = expanded(load_profile(profile.name, plain), scales)
    except HwsimError:
        return None
    kept = [text for text, (key, _, _) in zip(laid, pairs, strict=True) if not is_scale(key)]
    return (*kept, *(f"{key}={json.dumps(value)}" for key, value in meant.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keyed:
    """A profile that is told from others by its digest."""

    digest: str
    profile: DeviceProfile = field(compare=False, repr=False)


@lru_cache(maxsize=1024)
def _wider(keyed: _Keyed, width: float) -> DeviceProfile:
    """Return a profile at another width: many results of a page are on the same device."""
    return rescaled(keyed.profile, {"scale.simd": width})


def _buffers(program: Program) -> tuple[Alive, ...]:
    return tuple(
        Alive(
            name=placed.buffer.name,
            size_bytes=placed.buffer.size_bytes,
            offset_bytes=placed.offset_bytes,
            first=placed.buffer.first,
            last=placed.buffer.last,
        )
        for placed in program.arena
        if placed.buffer.size_bytes
    )


def _macs_roofs(program: Program) -> tuple[Roof, ...]:
    """Return the multiplications per second of each kernel that multiplies, at its price of one.

    All cores together. These are multiplications that a kernel makes: fewer than the layer's
    MACs where it walks stored weights or spares some by Winograd's identity, which its name says.
    """
    hardware, runtime = program.profile.hardware, program.profile.runtime
    best: dict[str, float] = {}
    for step in program.steps:
        if step.rule is None or not step.workload.macs:
            continue
        cycles = runtime.cycles(step.rule.cycles.per_mac) * hardware.compute_share
        if cycles:
            best[_roof_name(step)] = hardware.clock_hz / cycles
    ranked = sorted(best.items(), key=lambda item: -item[1])
    return tuple(Roof(name=name, per_s=per_s) for name, per_s in ranked)


def _roof_name(step: Step) -> str:
    rule = step.rule
    assert rule is not None  # Only steps with a kernel have a roof.
    name = f"{step.kernel} {step.types}"
    if rule.accelerator is not None:
        return f"{name}, {rule.schedule} schedule"
    if rule.winograd:
        return f"{name}, Winograd's products"
    return f"{name}, stored weights" if step.is_walked else name


def _bytes_roofs(program: Program) -> tuple[Roof, ...]:
    """Return the bytes per second of the memories whose transfers take time, nearest first."""
    hardware, runtime = program.profile.hardware, program.profile.runtime
    return tuple(
        Roof(name=name, per_s=hardware.clock_hz / cycles)
        for name, memory in hardware.memories.items()
        if memory.is_timed and (cycles := cycles_per_byte(memory, runtime))
    )


def _provenance(profile: DeviceProfile, sources: Mapping[str, str]) -> Provenance:
    evidence = profile.evidence
    if evidence is None:
        return Provenance(description=profile.description, sources=sources)
    return Provenance(
        description=profile.description,
        sources=sources,
        evidence=_words(profile),
        held_out_mape=evidence.held_out_mape,
        held_out_p90=evidence.held_out_p90,
    )


def _words(profile: DeviceProfile) -> str:
    """Return what was measured, and how far predictions of what was left out were off."""
    evidence = profile.evidence
    assert evidence is not None  # The caller looked.
    judge = "on real devices" if evidence.against == "silicon" else "by another simulator"
    return (
        f"{evidence.n} measurements {judge} ({', '.join(evidence.measurements)}); each predicted "
        f"with its {evidence.left_out} left out: mean error {evidence.held_out_mape:.1%}, median "
        f"{evidence.held_out_median:.1%}, nine of ten within {evidence.held_out_p90:.1%}; of "
        f"those fitted on {evidence.in_sample_mape:.1%}"
    )


def _sources_of(profile: DeviceProfile, bill: Bill) -> dict[str, str]:
    """Return the sources of the numbers of a bill, under the longest key that covers each."""
    used = {covering(key, profile.sources) for key in bill.prices}
    return {key: text for key, text in profile.sources.items() if key in used}
