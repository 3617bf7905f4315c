"""Re-pricing a bill is pricing the program anew, on every shipped device."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import compressors
from hwsim.cost import count, price
from hwsim.data import Data
from hwsim.errors import HwsimError, UnsupportedError
from hwsim.lower import lower
from hwsim.profile import known_devices, load_profile
from hwsim.records import Bill
from hwsim.repricing import bill_of, price_keys, reprice, spreads_of, structure_of
from tests import graphs
from tests.bill_steps import energy_terms, step_terms
from tests.devices import unlike
from tests.graphs import samples

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program
    from hwsim.records import Counts, Estimate

RECIPES = (
    ("residual", "none"),
    ("residual", "quantize"),
    ("separable", "quantize"),
    ("grouped", "prune{sparsity=0.9}|quantize|encode{format=csr}"),
    ("gated", "prune{structure=2:4}|quantize|encode{format=2:4}"),
    ("mlp", "prune{sparsity=0.8}|quantize{weights=4}|encode{format=bitmask}"),
)
WHOLE = "hardware.cores"
devices = pytest.mark.parametrize("name", known_devices())
kinds = pytest.mark.parametrize("name", unlike())


@cache
def made(graph: str, recipe: str) -> Graph:
    source: Graph = getattr(graphs, graph)()
    return compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))


def counted(profile: DeviceProfile) -> list[tuple[Program, tuple[Counts, ...]]]:
    """Return what runs on a device, of all graphs."""
    found: list[tuple[Program, tuple[Counts, ...]]] = []
    for graph, recipe in RECIPES:
        program = lower(made(graph, recipe), profile)
        try:
            counts = count(program)
            price(program, counts)
        except UnsupportedError:
            continue
        found.append((program, counts))
    assert found
    return found


@cache
def programs(name: str) -> list[tuple[Program, tuple[Counts, ...], Bill]]:
    profile = load_profile(name)
    return [(program, counts, bill_of(program, counts)) for program, counts in counted(profile)]


def check(bill: Bill, values: dict[str, float], expected: Estimate) -> None:
    """Hold one point, and the scalar form of it, to `price`."""
    found = reprice(bill, {key: np.array([value]) for key, value in values.items()})
    assert found.latency_s[0] == pytest.approx(expected.latency_s, rel=1e-12, abs=0.0)
    assert found.energy_j[0] == pytest.approx(expected.energy_j, rel=1e-12, abs=0.0)
    assert found.latency_low_s[0] == pytest.approx(expected.latency_low_s, rel=1e-12, abs=0.0)
    assert found.latency_high_s[0] == pytest.approx(expected.latency_high_s, rel=1e-12, abs=0.0)
    assert bool(found.is_calibrated[0]) == expected.is_backed
    seconds, joules = step_terms(bill, values), energy_terms(bill, values)
    for step, own_s, own_j in zip(expected.steps, seconds, joules, strict=True):
        # What is left of a difference of equal times is rounding, and a term of its own, or none.
        tiny = 1e-12 * expected.latency_s
        terms = dict.fromkeys((*own_s, *step.terms_s), 0.0)
        approx = pytest.approx(terms | dict(step.terms_s), rel=1e-12, abs=tiny)
        assert terms | own_s == approx, step.name
        assert own_j == pytest.approx(step.energy_terms_j, rel=1e-12, abs=0.0), step.name


@devices
def test_at_the_profiles_own_numbers_it_is_the_price(name: str) -> None:
    for program, counts, bill in programs(name):
        check(bill, {}, price(program, counts))


@devices
def test_it_is_the_price_under_every_version(name: str) -> None:
    for version in load_profile(name).runtime.versions:
        profile = load_profile(name, {"runtime.version": version})
        for program, counts in counted(profile)[:2]:
            check(bill_of(program, counts), {}, price(program, counts))


def drawn(data: st.DataObject, bill: Bill) -> dict[str, float]:
    """Return values of some keys: the chip's often, up and down, sometimes none at all."""
    keys = sorted(price_keys(bill))
    chip = [key for key in keys if key.startswith("hardware.") and key.count(".") == 1]
    some = data.draw(
        st.lists(st.sampled_from(keys), max_size=6, unique=True)
        | st.lists(st.sampled_from(chip), max_size=3, unique=True)
        | st.lists(st.sampled_from(["hardware.clock_hz", WHOLE]), max_size=2, unique=True)
    )
    factors = st.sampled_from((0.0, 1e-3, 0.5, 1.0, 1.1, 3.0, 100.0)) | st.floats(0.1, 10.0)
    values: dict[str, float] = {}
    for key in some:
        if key == WHOLE:
            values[key] = data.draw(st.integers(-1, 8))
        else:
            values[key] = bill.prices[key] * data.draw(factors)
    return values


@kinds
@settings(max_examples=15)
@given(data=st.data())
def test_at_drawn_numbers_it_is_the_price_under_these_overrides(
    name: str, data: st.DataObject
) -> None:
    program, counts, bill = data.draw(st.sampled_from(programs(name)))
    values = drawn(data, bill)
    try:
        profile = load_profile(name, values)
    except HwsimError:
        with pytest.raises(HwsimError):
            reprice(bill, values)
        return
    again = lower(program.graph, profile)
    assert count(again) == counts
    assert structure_of(profile) == structure_of(program.profile)
    check(bill, values, price(again, counts))


@kinds
def test_every_price_alone_leaves_counts_and_structure(name: str) -> None:
    profile = load_profile(name)
    for program, counts, bill in programs(name)[:3]:
        for key in sorted(price_keys(bill)):
            value = 2 if key == WHOLE else bill.prices[key] * 0.5
            values = {key: value, "hardware.core_efficiency": 0.5} if key == WHOLE else {key: value}
            other = load_profile(name, values)
            assert count(lower(program.graph, other)) == counts, key
            assert structure_of(other) == structure_of(profile), key
            check(bill, values, price(lower(program.graph, other), counts))


@kinds
def test_many_points_are_each_of_them(name: str) -> None:
    _, _, bill = programs(name)[-1]
    rng = np.random.default_rng(0)
    keys = sorted(price_keys(bill) - {WHOLE, "hardware.core_efficiency"})
    keys = [key for key in keys if "core_efficiency" not in key]
    values = {key: bill.prices[key] * rng.uniform(0.2, 5, 50) for key in keys}
    found = reprice(bill, values)
    for at in (0, 17, 49):
        (one,) = reprice(bill, {key: array[at : at + 1] for key, array in values.items()}).latency_s
        assert found.latency_s[at] == pytest.approx(one, rel=1e-12)


@kinds
def test_spreads_are_prices_at_nine_and_eleven_tenths(name: str) -> None:
    program, counts, bill = programs(name)[0]
    profile = load_profile(name)
    spreads = spreads_of(bill, profile.sources)
    widths = [abs(one.high_s - one.low_s) for one in spreads]
    assert spreads
    assert widths == sorted(widths, reverse=True)
    for one in spreads:
        assert one.source
        if one.key in bill.follows or "efficiency" in one.key:
            continue
        for factor, latency_s in ((0.9, one.low_s), (1.1, one.high_s)):
            other = load_profile(name, {one.key: one.value * factor})
            again = price(lower(program.graph, other), counts)
            assert latency_s == pytest.approx(again.latency_s, rel=1e-12), one.key
    moved = {one.key for one in spreads}
    base_s = price(program, counts).latency_s
    for key in price_keys(bill) - moved - {WHOLE}:
        (still_s,) = reprice(bill, {key: bill.prices[key] * 0.9}).latency_s
        assert still_s == pytest.approx(base_s, rel=1e-11), key


@devices
def test_a_bill_goes_to_json_and_back(name: str) -> None:
    adapter = TypeAdapter(Bill)
    for _, _, bill in programs(name):
        assert adapter.validate_json(adapter.dump_json(bill)) == bill
