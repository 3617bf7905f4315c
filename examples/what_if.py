"""What if the clock, or the kernels, were other ones? `python examples/what_if.py`."""

from __future__ import annotations

import hwsim

graph = hwsim.load("examples/topologies/mobilenet_v1_025_96.csv")
for changed in ({}, {"hardware.clock_hz": 80e6}, {"runtime.versions.cmsis-nn.scale": 0.8}):
    estimate = hwsim.evaluate(graph, hwsim.device("stm32l4r5_tflm", **changed)).estimate
    low, high = estimate.latency_low_s * 1e3, estimate.latency_high_s * 1e3
    # The clock leaves the evidence as it is; of other kernels nobody has measured anything.
    print(f"{changed or 'as it is'}: {estimate.latency_s * 1e3:.0f} ms, {low:.0f} to {high:.0f}")
