"""How many points of a what-if per second: re-priced from one bill, and counted anew.

Re-pricing is a ratio to `price` point by point, in one run. CPU time of this process counts, as
other jobs on the machine do not slow that down as much; the least of several rounds.
"""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Final

import numpy as np

import compressors
from hwsim.cost import count, price
from hwsim.lower import lower
from hwsim.profile import load_profile
from hwsim.repricing import bill_of, price_keys, reprice
from tests.bench.networks import resnet18

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import FloatArray
    from hwsim.graph import Graph
    from hwsim.records import Bill

QUANTIZE: Final = "quantize{calibration=synthetic}"
SPARSE: Final = f"prune{{structure=unstructured,sparsity=0.9}}|{QUANTIZE}|encode{{format=bitmask}}"
# What runs side by side, gathers, launches and arrays of their own are all among them.
DEVICES: Final = ("rpi4_xnnpack", "stm32l4r5_tflm", "ethos_u55_256_vela", "h100_cuda", "scnn_sim")
POINTS: Final = 200_000
CHECKED: Final = 5
ROUNDS: Final = 5
# Of the walking kernel of `sparse_pe64_sim`.
WALKER: Final = "sparse_pe64_sim"
TILES: Final = tuple(itertools.product((1, 2, 4, 8, 16, 32, 64, 128), (1, 2, 4), (1, 2)))


def least(job: Callable[[], object]) -> float:
    """Return the seconds of CPU time that the fastest of some rounds takes."""
    found: list[float] = []
    for _ in range(ROUNDS):
        start = time.process_time()
        job()
        found.append(time.process_time() - start)
    return min(found)


def drawn(bill: Bill, points: int) -> dict[str, FloatArray]:
    """Return a clock, all bandwidths and one other price per point."""
    rng = np.random.default_rng(0)
    keys = price_keys(bill)
    rates = [key for key in keys if key.endswith(("bytes_per_cycle", "cycles_per_byte"))]
    prices = [key for key in keys if key.startswith(("runtime.constants.", "runtime.kernels."))]
    axes = ["hardware.clock_hz", *rates, *prices[:1]]
    return {key: bill.prices[key] * rng.uniform(0.5, 2.0, points) for key in axes}


def repriced(graph: Graph, name: str) -> dict[str, float]:
    """Return points per second of `reprice`, and the ratio to `price` alone, per point."""
    profile = load_profile(name)
    program = lower(graph, profile)
    counts = count(program)
    bill = bill_of(program, counts)
    values = drawn(bill, POINTS)
    found = reprice(bill, values)
    for at in range(CHECKED):
        other = load_profile(name, {key: float(array[at]) for key, array in values.items()})
        expected = price(lower(graph, other), counts)
        assert np.isclose(found.latency_s[at], expected.latency_s, rtol=1e-12, atol=0)
        assert np.isclose(found.energy_j[at], expected.energy_j, rtol=1e-12, atol=0)
    one_s = least(lambda: price(program, counts))
    all_s = least(lambda: reprice(bill, values))
    alone_s = least(lambda: reprice(bill, {key: array[:1] for key, array in values.items()}))
    return {
        "axes": len(values),
        "points_per_s": POINTS / all_s,
        "to_price": one_s / (all_s / POINTS),
        "one_point_ms": 1e3 * alone_s,
        "price_ms": 1e3 * one_s,
    }


def counted(graph: Graph) -> dict[str, float]:
    """Return layers x configurations per second, each loaded, lowered and counted anew."""
    weighted = sum(node.op.weight is not None for node in graph.nodes)
    tiles = [
        {
            f"runtime.kernels.walk.tile.{axis}": extent
            for axis, extent in zip("mkn", tile, strict=True)
        }
        for tile in TILES
    ]

    def all_of_them() -> None:
        for tile in tiles:
            count(lower(graph, load_profile(WALKER, tile)))

    all_s = least(all_of_them)
    return {
        "layers": weighted,
        "configurations": len(tiles),
        "layers_x_configurations_per_s": weighted * len(tiles) / all_s,
        "ms_per_configuration": 1e3 * all_s / len(tiles),
    }


def main() -> None:
    """Print all rows."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    network = resnet18()
    dense = compressors.parse(QUANTIZE).apply(network)
    rows = {f"reprice {name}": repriced(dense, name) for name in DEVICES}
    rows[f"count {WALKER}"] = counted(compressors.parse(SPARSE).apply(network))
    for name, row in rows.items():
        shown = "  ".join(f"{key} {value:.4g}" for key, value in row.items())
        print(f"{name:30s} {shown}", flush=True)


if __name__ == "__main__":
    main()
