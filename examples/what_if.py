"""What if the clock, or the bus, were another one? `python examples/what_if.py`."""

from __future__ import annotations

import hwsim

graph = hwsim.load("examples/topologies/mobilenet_v1_025_96.csv")
for clock_hz in (40e6, 80e6, 120e6):
    for scale in (1.0, 0.8):
        changed = {"hardware.clock_hz": clock_hz, "runtime.versions.unknown.scale": scale}
        result = hwsim.evaluate(graph, hwsim.device("stm32l4r5_tflm", **changed))
        low, high = result.latency_low_s * 1e3, result.latency_high_s * 1e3
        print(f"{clock_hz / 1e6:4.0f} MHz, cycles x {scale}: {low:.0f} to {high:.0f} ms")
