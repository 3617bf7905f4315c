"""A runtime that takes known cycles, on a clock that only it and the probes move."""

from __future__ import annotations

from collections.abc import Callable

from hwsim.calibrate.kernels import LITERT_DRAFTS
from hwsim.calibrate.measure import Clock
from hwsim.calibrate.probe import Probe
from hwsim.calibrate.runtimes import HostRuntime, Once
from hwsim.graph import Graph

RATE_HZ = 2e9
PER_INFERENCE, PER_CALL, PER_MAC, PER_OUTPUT = 2000.0, 700.0, 0.02, 0.5


class FakeHost:
    """Keeps the time; says how busy it is when probed."""

    def __init__(self, busy: Callable[[int], float] = lambda _: 1.0) -> None:
        self.time_s = 0.0
        self.probes = 0
        self._busy = busy

    @property
    def clock(self) -> Clock:
        return Clock(now_s=lambda: self.time_s, probe=self.probe, sleep=self.pass_time)

    def probe(self) -> Probe:
        self.probes += 1
        self.pass_time(2e-5)
        return Probe(rate_hz=RATE_HZ, busy_s=1e-5 * self._busy(self.probes))

    def pass_time(self, seconds: float) -> None:
        self.time_s += seconds

    def runtime(self) -> HostRuntime:
        def prepare(graph: Graph, threads: int) -> Once:
            assert threads == 1
            seconds = cycles_of(graph) / RATE_HZ
            return lambda: self.pass_time(seconds)

        return HostRuntime(
            name="fake", title="Fake", package="numpy", policy="xnnpack", drafts=LITERT_DRAFTS,
            prepare=prepare,
        )  # fmt: skip


def cycles_of(graph: Graph) -> float:
    """Return what an inference takes there; views are free."""
    cycles = PER_INFERENCE
    for node in graph.nodes:
        work = graph.workload(node)
        if work.output_elements:
            cycles += PER_CALL + PER_MAC * work.macs + PER_OUTPUT * work.output_elements
    return cycles
