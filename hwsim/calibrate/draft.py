"""The profile of a calibrated host, as the tree that its YAML holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hwsim.profile import DeviceProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.calibrate.host import Host
    from hwsim.calibrate.runtimes import HostRuntime
    from hwsim.profile import Evidence

# Nobody measures joules here; figures of the order that desktop and server processors have.
_STATIC_W = 5.0
_MAC_PJ = {"8x8": 0.3, "f32": 4.6}
_DRAM_PJ_PER_BYTE = 160.0
_CODE_BYTES, _ARENA_BYTES = 15_000_000, 4_000_000

_VIEW = {
    "ops": ["constant", "reshape"],
    "types": {"8x8": "native", "f32": "native"},
    "cycles": {"per_call": 0.0},
}


def draft_tree(
    name: str, runtime: HostRuntime, version: str, host: Host, clock_hz: float
) -> dict[str, Any]:
    """Return a profile that runs views alone, without sources.

    Args:
        name: Of the profile, as its file will be called.
        runtime: What runs the layers.
        version: Of its package.
        host: Where.
        clock_hz: Of the core while layers were measured.
    """
    return {
        "name": name,
        "description": f"{host.processor}, with {runtime.title}, calibrated on the host itself",
        "device_class": "cpu",
        "hardware": {
            "core": host.processor,
            "clock_hz": float(f"{clock_hz:.4g}"),
            "memories": {
                "dram": {
                    "size_bytes": host.memory_bytes,
                    "pj_per_byte": _DRAM_PJ_PER_BYTE,
                    "holds": ["weights", "activations"],
                }
            },
            "static_w": _STATIC_W,
            "mac_pj": dict(_MAC_PJ),
        },
        "runtime": {
            "name": runtime.title,
            "version": version,
            "per_inference": 0.0,
            "code_bytes": _CODE_BYTES,
            "arena_bytes": _ARENA_BYTES,
            "constants": {},
            "kernels": {"view": dict(_VIEW)},
        },
        "numerics": {"policy": runtime.policy, "accumulator_bits": 32},
        "sources": {},
    }


def with_kernels(
    tree: Mapping[str, Any],
    kernels: Mapping[str, Any],
    constants: Mapping[str, float],
    inference_cycles: float = 0.0,
) -> dict[str, Any]:
    """Return a tree with kernels before its own, and the prices that they name."""
    runtime = {
        **tree["runtime"],
        "per_inference": inference_cycles,
        "constants": dict(constants),
        "kernels": {**kernels, **tree["runtime"]["kernels"]},
    }
    return {**tree, "runtime": runtime}


def profile_of(tree: Mapping[str, Any], kernels: Mapping[str, Any]) -> DeviceProfile:
    """Return a profile of `tree` with kernels whose prices are named and not known: all are 1."""
    prices = {price for rule in kernels.values() for price in rule["cycles"].values()}
    return DeviceProfile.model_validate(with_kernels(tree, kernels, dict.fromkeys(prices, 1.0)))


def with_provenance(
    tree: Mapping[str, Any], where: str, fitted: Mapping[str, str], evidence: Evidence
) -> dict[str, Any]:
    """Return a tree with its evidence, and with a source of every number.

    Args:
        tree: With its kernels.
        where: Host, runtime, date and number of samples, in words.
        fitted: What is known of each fitted kernel.
        evidence: Held-out errors.
    """
    measured = {
        "hardware.clock_hz": f"measured: {where}; the core's rate beside the samples",
        "hardware.memories.dram.size_bytes": f"measured: {where}; as the system states it",
        "runtime.per_inference": f"measured: {where}; one tiny layer less a share of nine in a row",
        "runtime.constants": f"fitted: {where}",
    }
    assumed = {
        "hardware.memories.dram.pj_per_byte": "assumed: as xeon8380_onnxruntime",
        "hardware.static_w": "assumed: 5 W, one core's share of a processor at work",
        "hardware.mac_pj": "assumed: as xeon8380_onnxruntime",
        "runtime.code_bytes": "assumed: about 15 MB of library",
        "runtime.arena_bytes": "assumed: about 4 MB of session",
        "runtime.kernels.view.cycles": "assumed: no bytes move",
        "numerics": "assumed: what this runtime computes on x86-64, compared bit by bit elsewhere",
    }
    kernels: Mapping[str, Any] = tree["runtime"]["kernels"]
    tiles = {
        f"runtime.kernels.{name}.tile": f"fitted: {told}"
        for name, told in fitted.items()
        if "tile" in kernels[name]
    }
    takes = {
        f"runtime.kernels.{name}.takes": "assumed: the runtime has a kernel of its own for these"
        for name in fitted
        if "channel_multiple" in kernels[name].get("takes", {})
    }
    return {
        **tree,
        "evidence": evidence.model_dump(mode="json", exclude_none=True),
        "sources": {**measured, **tiles, **takes, **assumed},
    }
