"""A device made for tests: every price is one, so that figures can be checked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hwsim.op import HEAVY_KINDS, LIGHT_KINDS, VIEW_KINDS
from hwsim.profile import (
    Cycles,
    DeviceProfile,
    Hardware,
    KernelRule,
    Memory,
    Runtime,
    Tile,
    known_devices,
    load_profile,
)
from hwsim.profile.integers import NumericsChoice

if TYPE_CHECKING:
    from collections.abc import Mapping


def unit_device(
    tile: Tile | None = None,
    cycles: Cycles | None = None,
    rule: Mapping[str, Any] | None = None,
    caches: Mapping[str, Memory] | None = None,
    **runtime: Any,
) -> DeviceProfile:
    """Return a device of 1 Hz whose multipliers take dense and walk bitmask and 2:4 weights.

    CSR weights are decoded; 4-bit ones too. `rule` says more of that kernel, `caches` lie before
    its memories.
    """
    tile, cycles = tile or Tile(), cycles or Cycles(per_mac=1.0)
    everything = {"8x8": "native", "8x4": "decoded", "f32": "native"}
    formats = {"dense": "native", "bitmask": "native", "2:4": "native", "csr": "decoded"}
    heavy: dict[str, Any] = {"ops": HEAVY_KINDS, "types": everything, "formats": formats}
    heavy |= {"tile": tile, "cycles": cycles, **(rule or {})}
    kernels: dict[str, Any] = {
        "heavy": KernelRule(**heavy),
        "light": KernelRule(
            ops=LIGHT_KINDS, types={"8x8": "native", "f32": "native"}, cycles=Cycles(per_output=1.0)
        ),
        "view": KernelRule(
            ops=VIEW_KINDS, types={"8x8": "native", "f32": "native"}, cycles=Cycles()
        ),
    }
    memories = {
        **(caches or {}),
        "ram": Memory(
            size_bytes=1 << 20, pj_per_byte=0.0, holds=("activations",), latency_cycles=100.0
        ),
        "flash": Memory(size_bytes=1 << 20, pj_per_byte=0.0, holds=("weights",)),
    }
    settings: dict[str, Any] = {
        "name": "unit",
        "version": "1",
        "kernels": kernels,
        "code_bytes": 0,
        "arena_bytes": 0,
    }
    return DeviceProfile(
        name="unit_device",
        description="every price is one",
        device_class="accelerator",
        hardware=Hardware(
            clock_hz=1.0, memories=memories, static_w=0.0, mac_pj={"8x8": 0.0, "f32": 0.0}
        ),
        runtime=Runtime(**(settings | runtime)),
        numerics=NumericsChoice(policy="tflite-ref", accumulator_bits=32),
        sources={},
    )


def unlike() -> tuple[str, ...]:
    """Return shipped devices of which no two have the same kernels: heirs differ in speed only."""
    found: dict[object, str] = {}
    for name in known_devices():
        profile = load_profile(name)
        kernels = tuple((k, rule.model_dump_json()) for k, rule in profile.runtime.kernels.items())
        parts = profile.hardware.memories.items()
        memories = tuple((k, m.holds, m.is_timed, m.is_cache) for k, m in parts)
        found.setdefault((kernels, memories, profile.runtime.overlaps_memory), name)
    return tuple(found.values())
