"""The page of one device: what it is, what it runs how, and what backs its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.evaluation import runtime_of
from hwsim.op import HEAVY_KINDS, LIGHT_KINDS
from hwsim.profile import load_profile
from tests.device_pages.cells import clock, share, size, table, text
from tests.device_pages.measured import measured
from tests.device_pages.trial import trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.profile import DeviceProfile, Evidence, KernelRule
    from hwsim.profile.quantities import Price

_HARDWARE = "hardware."
_NOTE = "<!-- Written by python -m tests.device_pages -->\n"


def page(name: str) -> str:
    """Return the page of a shipped profile."""
    return page_with(name, measured(load_profile(name)))


def page_with(name: str, section: str) -> str:
    """Return the page of a shipped profile around a section of measured figures."""
    profile = load_profile(name)
    whole = (
        f"{_NOTE}# {name}\n\n{profile.description}.\n\n{_summary(profile)}\n\n"
        f"```console\n$ {trial(name)}\n```\n\n"
        f"{_hardware(profile)}{_kernels(profile)}{_numerics(profile)}"
        f"{_evidence(profile)}{section}{_sources(profile)}"
    )
    return whole.rstrip() + "\n"


def _summary(profile: DeviceProfile) -> str:
    evidence = profile.evidence
    if evidence is None:
        backed = "**Uncalibrated**: no row held out judges it, and intervals are a factor of two."
    elif evidence.against == "silicon":
        backed = f"**Calibrated**: {_backed(evidence)} on the device."
    else:
        backed = f"**Compared with another simulator** only: {_backed(evidence)} of its estimates."
    return (
        f"Class `{profile.device_class}`, runtime {text(runtime_of(profile))}. {backed} "
        f"[Profile](../../device_profiles/{profile.name}.yaml), [all devices](README.md)."
    )


def _backed(evidence: Evidence) -> str:
    return (
        f"{share(evidence.held_out_mape)} mean error of latency on {evidence.n} "
        f"measurements, each held out with its {evidence.left_out},"
    )


def _hardware(profile: DeviceProfile) -> str:
    hardware = profile.hardware
    rows: list[tuple[str, str, str]] = [("core", hardware.core, "")] if hardware.core else []
    rows += [
        ("clock", clock(hardware.clock_hz), "clock_hz"),
        ("cores", str(hardware.cores), "cores"),
        ("static power", f"{hardware.static_w:g} W", "static_w"),
    ]
    if hardware.cores > 1:
        efficiency = f"{hardware.core_efficiency:g} of ideal"
        rows.insert(-1, ("a further core brings", efficiency, "core_efficiency"))
    if hardware.cycle_pj:
        rows.append(("energy of a cycle", f"{hardware.cycle_pj:g} pJ", "cycle_pj"))
    macs = ", ".join(f"{types} {pj:g}" for types, pj in hardware.mac_pj.items())
    rows.append(("energy of a MAC [pJ]", macs, "mac_pj"))
    lines = [(what, value, _source(profile, key)) for what, value, key in rows]
    return f"## Hardware\n\n{table(('', 'value', 'source'), lines)}{_memories(profile)}"


def _source(profile: DeviceProfile, key: str) -> str:
    """Return what backs a key of the hardware: its own source, or that of what holds it."""
    sources = profile.sources
    return text(sources.get(_HARDWARE + key) or sources.get("hardware") or "-" if key else "")


def _memories(profile: DeviceProfile) -> str:
    rows: list[tuple[str, ...]] = []
    for name, memory in profile.hardware.memories.items():
        rate = f"{memory.bytes_per_cycle:g}" if memory.bytes_per_cycle else "-"
        if memory.cycles_per_byte is not None:
            cycles = _cycles(profile, memory.cycles_per_byte)
            rate = _figure(1.0 / cycles) if cycles else "-"
        lines = f"{memory.line_bytes} B x {memory.ways}" if memory.is_cache else "-"
        held = ", ".join(memory.holds) or ("cache" if memory.is_cache else "scratch or cache")
        rows.append((name, size(memory.size_bytes), held, lines, rate, f"{memory.pj_per_byte:g}"))
    return table(("memory", "size", "holds", "line x ways", "bytes per cycle", "pJ per byte"), rows)


def _cycles(profile: DeviceProfile, price: Price) -> float:
    return profile.runtime.constants[price] if isinstance(price, str) else price


def _kernels(profile: DeviceProfile) -> str:
    rows = [
        (f"`{name}`", ", ".join(rule.ops), _types(rule), _formats(rule), _tile(rule), cost)
        for name, rule in profile.runtime.kernels.items()
        for cost in (_cost(profile, rule),)
    ]
    heads = ("kernel", "work", "types", "weights stored as", "tile m x n x k", "cycles")
    return (
        "## What runs how\n\nThe first kernel that takes a layer runs it. A storage format that no "
        "kernel takes is unpacked and multiplied densely (`dense_fallback`), and said so.\n\n"
        f"{table(heads, rows)}{_refusals(profile)}"
    )


def _types(rule: KernelRule) -> str:
    return ", ".join(
        types if support == "native" else f"{types} ({support})"
        for types, support in rule.types.items()
    )


def _formats(rule: KernelRule) -> str:
    if not set(rule.ops) & set(HEAVY_KINDS):
        return "-"
    return ", ".join(
        name if support == "native" else f"{name} ({support})"
        for name, support in rule.formats.items()
    )


def _tile(rule: KernelRule) -> str:
    if rule.schedule != "lockstep":
        return f"`{rule.schedule}`"
    if not set(rule.ops) & set(HEAVY_KINDS):
        return "-"
    return f"{rule.tile.m} x {rule.tile.positions} x {rule.tile.k}"


def _cost(profile: DeviceProfile, rule: KernelRule) -> str:
    """Return what a kernel takes per unit of work, terms of zero left out."""
    told = [
        f"{_figure(value)} {key.removeprefix('per_').replace('_', ' ')}"
        for key, price in rule.cycles
        if (value := profile.runtime.cycles(price))
    ]
    return ", ".join(told) or "0"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


def _refusals(profile: DeviceProfile) -> str:
    """Return what no kernel takes, by types."""
    rules = profile.runtime.kernels.values()
    known = dict.fromkeys(types for rule in rules for types in rule.types)
    missing: dict[tuple[str, ...], list[str]] = {}
    for types in known:
        taken = {kind for rule in rules if types in rule.types for kind in rule.ops}
        # Weights narrower than activations concern products, and some types nothing else.
        concerned = [kinds for kinds in (HEAVY_KINDS, LIGHT_KINDS) if taken & set(kinds)]
        left = tuple(kind for kinds in concerned for kind in kinds if kind not in taken)
        missing.setdefault(left, []).append(types)
    lines = [
        f"- {', '.join(types)}: {', '.join(left)}\n" for left, types in missing.items() if left
    ]
    head = f"Refused by name: types other than {', '.join(known)}"
    return f"{head}{', and work of these kinds:' if lines else '.'}\n\n{''.join(lines)}\n"


def _numerics(profile: DeviceProfile) -> str:
    choice = profile.numerics
    resolved = choice.resolve()
    register = choice.accumulator
    return (
        f"## Numerics\n\nIntegers as `{text(resolved.name)}` ([numerics](../numerics.md)), sums of "
        f"{register.bits} bits that {register.overflow} on overflow. "
        f"{text(_source_of(profile, 'numerics.policy'))}\n\n"
    )


def _source_of(profile: DeviceProfile, key: str) -> str:
    found = [name for name in profile.sources if key == name or key.startswith(name + ".")]
    return f"({profile.sources[max(found, key=len)]})" if found else ""


def _evidence(profile: DeviceProfile) -> str:
    evidence = profile.evidence
    if evidence is None:
        return ""
    rows = [
        ("mean error, held out", share(evidence.held_out_mape)),
        ("median, held out", share(evidence.held_out_median)),
        ("within 10 % / 20 %", f"{evidence.within_10:.0%} / {evidence.within_20:.0%}"),
        ("rank correlation", "-" if evidence.spearman is None else f"{evidence.spearman:.3f}"),
        ("mean error on the rows fitted on", share(evidence.in_sample_mape)),
        ("where the whole board was left out", share(evidence.board_mape)),
        ("where one network gave the scale", share(evidence.anchored_mape)),
        ("energy, held out", share(evidence.energy_mape)),
        ("counting MACs instead, held out", share(evidence.macs_mape)),
        ("a roofline instead, held out", share(evidence.roofline_mape)),
    ]
    kept = [row for row in rows if row[1] != "-"]
    return f"## Evidence\n\n{table(('latency', ''), kept)}"


def _sources(profile: DeviceProfile) -> str:
    """Return the sources that no table above has shown."""
    lines = list(_listed(profile))
    return f"## Sources\n\n{''.join(lines)}" if lines else ""


def _listed(profile: DeviceProfile) -> Iterator[str]:
    shown = {
        _HARDWARE + key
        for key in ("clock_hz", "cores", "core_efficiency", "static_w", "cycle_pj", "mac_pj")
    }
    by_text: dict[str, list[str]] = {}
    for key, told in profile.sources.items():
        if key not in shown and key != "numerics.policy":
            by_text.setdefault(text(told), []).append(f"`{key}`")
    for told, keys in by_text.items():
        yield f"- {', '.join(keys)}: {told}\n"
