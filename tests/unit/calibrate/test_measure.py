from __future__ import annotations

import numpy as np
import pytest

from hwsim.calibrate.host import described, this_host
from hwsim.calibrate.measure import Clock, Effort, measure
from hwsim.calibrate.probe import Probe, probe
from tests.unit.calibrate.fake import RATE_HZ, FakeHost

EFFORT = Effort(enough=4, limit_s=1.0)


def cycles(host: FakeHost, *job_cycles: float) -> list[float]:
    jobs = [lambda seconds=c / RATE_HZ: host.pass_time(seconds) for c in job_cycles]
    timings = measure(jobs, np.random.default_rng(0), host.clock, EFFORT)
    return [timing.cycles for timing in timings]


def test_a_quiet_host_gives_the_cycles() -> None:
    np.testing.assert_allclose(cycles(FakeHost(), 1e3, 5e4, 3e7), [1e3, 5e4, 3e7], rtol=1e-6)


def test_samples_beside_a_shared_core_are_left_out() -> None:
    # Two of three probes see a neighbour, and a job takes twice as long while one is there.
    host = FakeHost(busy=lambda count: 1.0 if count < 2500 or count // 40 % 3 == 0 else 1.5)

    def job() -> None:
        is_shared = host.probe().busy_s > 1.2e-5
        host.probes -= 1
        host.pass_time((2 if is_shared else 1) * 1e5 / RATE_HZ)

    (timing,) = measure([job], np.random.default_rng(0), host.clock, EFFORT)
    # The job's own look at its host takes 20 microseconds.
    assert timing.cycles == pytest.approx(1e5 + 2e-5 * RATE_HZ, rel=0.01)
    assert timing.samples >= EFFORT.enough


def test_a_host_that_is_never_quiet_gives_nothing() -> None:
    rng = np.random.default_rng(0)
    host = FakeHost(busy=lambda _: float(rng.uniform(1, 3)))
    (timing,) = measure([lambda: host.pass_time(1e-3)], rng, host.clock, EFFORT)
    assert timing.samples < EFFORT.enough
    assert host.time_s >= EFFORT.limit_s


def test_a_change_of_rate_is_no_sample() -> None:
    host = FakeHost()

    def changing() -> Probe:
        seen = host.probe()
        faster = host.probes % 2
        return Probe(rate_hz=seen.rate_hz * (1 + faster), busy_s=seen.busy_s / (1 + faster))

    clock = Clock(now_s=lambda: host.time_s, probe=changing, sleep=host.pass_time)
    job = [lambda: host.pass_time(1e-3)]
    assert measure(job, np.random.default_rng(0), clock, EFFORT)[0].samples == 0


def test_the_probe_reads_a_rate_and_a_busy_time() -> None:
    times = iter([0.0, 2.0, 5.0])
    assert probe(lambda: next(times)) == Probe(rate_hz=24_000.0, busy_s=3.0)


def test_a_processor_is_described() -> None:
    text = "processor\t: 0\nmodel name\t: Fast 9\ncpu family\t: 25\nmodel\t: 17\n\nprocessor: 1\n"
    assert described(text) == "Fast 9 (cpu family 25, model 17)"
    assert described("Hardware : some board\n") == ""
    assert this_host().memory_bytes > 0


def test_the_least_disturbed_sample_stands_in_where_none_is_clean() -> None:
    # After the first looks a neighbour is always there, and slows probes and jobs by a tenth.
    host = FakeHost(busy=lambda count: 1.0 if count < 2000 else 1.1)
    (timing,) = measure(
        [lambda: host.pass_time(1.1e5 / RATE_HZ)], np.random.default_rng(0), host.clock, EFFORT
    )
    assert timing.samples == 1
    assert not timing.is_clean
    assert timing.cycles == pytest.approx(1e5, rel=0.01)
