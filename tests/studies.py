"""Studies made by hand: the comparison of the golden texts, and a sweep of any size around it."""

from __future__ import annotations

from hwsim.records import Point, Points, Study
from tests.comparisons import BASELINE, DEVICES, KWS, comparison

AXES = ("clock", "sparsity", "structure")
CLOCKS = (0.5, 0.75, 1.0, 1.5, 2.0)
STRUCTURES = ("unstructured", "2:4", "filter")


def point(i: int, devices: int) -> Point:
    """Return a point whose figures follow from its number; one of eleven is refused."""
    device = DEVICES[i % devices % len(DEVICES)]
    number = i % devices // len(DEVICES)
    clock = CLOCKS[i // devices % len(CLOCKS)]
    structure = STRUCTURES[i // devices // len(CLOCKS) % len(STRUCTURES)]
    sparsity = (i * 37 % 95) / 100
    key = f"{i:064x}"
    name = device.name + (f"_{number}" if number else "")
    recipe = f"prune{{structure={structure},sparsity={sparsity}}}|{BASELINE}"
    axes = {"clock": clock, "sparsity": sparsity, "structure": structure}
    if i % 11 == 7:
        return Point(
            key=key, model=KWS, recipe=recipe, device=name, axes=axes, profile_sha256=key,
            refused=f"conv_1 (conv2d): {name} has no kernel for {structure} </script><b>",
        )  # fmt: skip
    latency_s = 3e6 / device.clock_hz / clock * (1.05 - sparsity) * (1 + i * 7919 % 101 / 400)
    return Point(
        key=key,
        model=KWS,
        recipe=recipe,
        device=name,
        axes=axes,
        overrides=(f"scale.clock={clock}",),
        profile_sha256=key,
        latency_s=latency_s,
        latency_low_s=latency_s / 1.1,
        latency_high_s=latency_s * 1.1,
        energy_j=latency_s * 0.02 * (1 + i * 31 % 17 / 20),
        peak_ram_bytes=31_000 + i * 13 % 977,
        flash_bytes=round(70_000 * (1.1 - sparsity)) + i * 17 % 333,
        fits=i % 13 != 5,
        top1=0.92 - 0.3 * sparsity**3 - i * 101 % 89 / 3000,
        macs=2_000_000,
        macs_effective=round(2_000_000 * (1 - sparsity)),
        is_calibrated=device.is_calibrated,
    )


def points(n: int, devices: int = len(DEVICES)) -> Points:
    """Return a sweep of `n` points over so many devices."""
    return Points(axes=AXES, points=tuple(point(i, devices) for i in range(n)))


def study(n: int = 0, devices: int = len(DEVICES), title: str = "What it costs, and why") -> Study:
    """Return the comparison of the golden texts, with `n` points around it."""
    return Study(title=title, comparison=comparison(), points=points(n, devices) if n else None)
