"""Points made by hand, for stores and what is written of them."""

from __future__ import annotations

from hwsim.records import Point

AXES = ("sparsity", "hardware.clock_hz", "is_fast", "note")


def point(index: int, *, device: str = "chip") -> Point:
    """Return a point with figures; `index` sets them all."""
    return Point(
        key=f"{index:08x}",
        model="net, \"kws\" 'μ'",
        recipe=f"prune{{sparsity={index / 1000}}}",
        device=device,
        axes={
            "sparsity": index / 1000,
            "hardware.clock_hz": 80_000_000 + index,
            "is_fast": bool(index % 2),
            "note": f"é|{index}",
        },
        overrides=(f"hardware.clock_hz={80_000_000 + index}", "a=b; c"),
        seed=index,
        profile_sha256="5f" * 32,
        latency_s=1e-3 / (index + 1),
        latency_low_s=0.9e-3 / (index + 1),
        latency_high_s=1.1e-3 / (index + 1),
        energy_j=1e-6 * index,
        peak_ram_bytes=1000 + index,
        flash_bytes=2**40 + index,
        fits=index % 3 == 0,
        top1=None if index % 2 else index / 1000,
        macs=10**12,
        macs_effective=10**12 - index,
        is_calibrated=index % 5 == 0,
    )


def refused(index: int, *, device: str = "chip") -> Point:
    """Return a point without figures."""
    return Point(
        key=f"{index:08x}",
        model="net",
        recipe="quantize",
        device=device,
        axes={"sparsity": 0.5},
        profile_sha256="5f" * 32,
        refused="conv1: the chip has no float unit",
    )
