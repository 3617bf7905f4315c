"""What a page shows of a result beside its figures agrees with them, on every shipped device."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

import compressors
from hwsim.cost import count, price
from hwsim.data import Data
from hwsim.detail import WIDTHS, detail_of
from hwsim.errors import ProfileError, UnsupportedError
from hwsim.evaluation import estimate, priced
from hwsim.lower import lower
from hwsim.profile import known_devices, load_profile
from hwsim.profile.scaled import rescaled
from hwsim.repricing import reprice
from tests import graphs
from tests.graphs import samples

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.program import Program
    from hwsim.records import Detail, Estimate

RECIPES = (
    ("residual", "none"),
    ("separable", "quantize"),
    ("grouped", "prune{sparsity=0.9}|quantize|encode{format=csr}"),
)
ROUNDING = 1 + 1e-9
devices = pytest.mark.parametrize("name", known_devices())


@cache
def made(graph: str, recipe: str) -> Graph:
    source: Graph = getattr(graphs, graph)()
    return compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))


@cache
def details(name: str) -> list[tuple[Program, Estimate, Detail]]:
    """Return what runs on a device, with its details."""
    found: list[tuple[Program, Estimate, Detail]] = []
    for graph, recipe in RECIPES:
        try:
            own = priced(made(graph, recipe), load_profile(name))
        except UnsupportedError:
            continue
        detail = detail_of(own.program, own.counts, own.estimate)
        found.append((own.program, own.estimate, detail))
    assert found
    return found


@devices
def test_the_bill_is_the_price(name: str) -> None:
    for _, expected, detail in details(name):
        told = reprice(detail.bill, {})
        assert told.latency_s[0] == pytest.approx(expected.latency_s, rel=1e-12)
        assert told.energy_j[0] == pytest.approx(expected.energy_j, rel=1e-12)
        assert [step.name for step in detail.bill.steps] == [s.name for s in expected.steps]


@devices
def test_buffers_and_the_runtimes_own_are_the_peak(name: str) -> None:
    for program, expected, detail in details(name):
        runtime = program.profile.runtime
        called = sum(step.workload.output_elements > 0 for step in program.steps)
        own = runtime.arena_bytes + runtime.arena_bytes_per_step * called
        assert detail.own_ram_bytes == own
        top = max(buffer.offset_bytes + buffer.size_bytes for buffer in detail.buffers)
        assert top + own == expected.footprint.peak_ram_bytes
        for a in detail.buffers:
            for b in detail.buffers:
                if a is not b and a.first <= b.last and b.first <= a.last:
                    apart = a.offset_bytes + a.size_bytes <= b.offset_bytes
                    assert apart or b.offset_bytes + b.size_bytes <= a.offset_bytes


@devices
def test_no_layer_is_above_a_roof(name: str) -> None:
    """That of its own kernel; of every memory whose transfers take time, too."""
    for program, expected, detail in details(name):
        for step, done in zip(program.steps, expected.steps, strict=True):
            if not step.workload.macs or not done.latency_s:
                continue
            own = f"{done.kernel} {done.types}"
            roofs = [r.per_s for r in detail.macs_roofs if r.name.partition(",")[0] == own]
            rule = step.rule
            assert rule is not None
            assert len(roofs) == bool(program.profile.runtime.cycles(rule.cycles.per_mac))
            for roof in roofs:
                assert done.counts.macs_executed / done.latency_s <= roof * ROUNDING
        memories = {roof.name: roof.per_s for roof in detail.bytes_roofs}
        for done in expected.steps:
            for memory, moved in done.counts.traffic_bytes.items():
                if memory in memories:
                    assert moved / memories[memory] <= done.latency_s * ROUNDING


@devices
def test_a_bill_of_another_width_is_the_price_there(name: str) -> None:
    graph, recipe = RECIPES[1]
    program = lower(made(graph, recipe), load_profile(name))
    try:
        counts = count(program)
        widths = detail_of(program, counts, price(program, counts)).widths
    except UnsupportedError:
        pytest.skip("runs no int8")
    for width in WIDTHS[::2]:
        try:
            wider = rescaled(load_profile(name), {"scale.simd": width})
            expected = estimate(made(graph, recipe), wider)
        except (ProfileError, UnsupportedError):
            assert width not in widths
            continue
        told = reprice(widths[width], {})
        assert told.latency_s[0] == pytest.approx(expected.latency_s, rel=1e-12)
        assert told.latency_low_s[0] == pytest.approx(expected.latency_low_s, rel=1e-12)


@devices
def test_every_number_of_the_bill_finds_its_source(name: str) -> None:
    """Or is none of the profile's: what the schema has where nothing is said."""
    for program, _, detail in details(name):
        sources, profile = detail.provenance.sources, program.profile
        for key in detail.bill.prices:
            own = [k for k in profile.sources if key == k or key.startswith(f"{k}.")]
            told = [k for k in sources if key == k or key.startswith(f"{k}.")]
            if own:
                assert max(told, key=len) == max(own, key=len)
                assert sources[max(told, key=len)] == profile.sources[max(own, key=len)]
        assert (detail.provenance.evidence is None) == (profile.evidence is None)
