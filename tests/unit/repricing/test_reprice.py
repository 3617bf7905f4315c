"""Re-pricing: what it refuses, and figures by hand."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from hwsim.cost import count
from hwsim.errors import ProfileError
from hwsim.formats import Dense
from hwsim.lower import lower
from hwsim.profile import Cycles, Version, load_profile
from hwsim.records import Bill, Charge, StepBill, Transfer
from hwsim.repricing import bill_of, reprice, spreads_of
from tests.bill_steps import step_terms
from tests.devices import unit_device
from tests.unit.cost.test_count import layer
from tests.unit.repricing.programs import residual_integers

CLOCK = "hardware.clock_hz"
CHIP = {
    CLOCK: 1.0,
    "hardware.cores": 1.0,
    "hardware.core_efficiency": 1.0,
    "hardware.static_w": 0.0,
    "hardware.cycle_pj": 0.0,
}


def bill(name: str = "rpi4_xnnpack") -> Bill:
    program = lower(residual_integers(), load_profile(name))
    return bill_of(program, count(program))


def charge(term: str, counted: int, sharing: str = "compute") -> Charge:
    return Charge(term=term, count=counted, price=f"runtime.constants.{term}", sharing=sharing)  # pyright: ignore[reportArgumentType]


def by_hand(steps: tuple[StepBill, ...], **more: float) -> Bill:
    constants = {charge.price: 1.0 for step in steps for charge in step.charges}
    return Bill(prices=CHIP | constants | more, scale=None, steps=steps)


def test_a_pipeline_takes_its_slowest_stage_and_hides_transfers() -> None:
    step = StepBill(
        name="conv",
        op="conv2d",
        charges=(
            charge("mac", 60),
            charge("output", 100, "memory"),
            charge("weights", 30, "memory"),
            charge("call", 5, "alone"),
            charge("layout", 7, "alone"),
        ),
        transfers=(
            Transfer(memory="ram", moved_bytes=240, price="r.bytes_per_cycle", energy="e"),
            Transfer(memory="flash", moved_bytes=90, price="f.cycles_per_byte", energy="e"),
        ),
        is_pipelined=True,
        overlaps=True,
    )
    own = by_hand((step,), **{"r.bytes_per_cycle": 2.0, "f.cycles_per_byte": 1.0, "e": 3.0})
    # The slowest stage takes 100 cycles, filling 5; 120 of the slower memory hide them.
    assert step_terms(own, {}) == (
        {"mac": 60, "output": 40, "call": 5, "traffic:ram": 15, "layout": 7},
    )
    (latency_s,) = reprice(own, {}).latency_s
    assert latency_s == 127
    assert reprice(own, {}).energy_j[0] == pytest.approx(330 * 3e-12)


def test_stages_that_are_hidden_back_nothing() -> None:
    charges = (charge("mac", 100), charge("output", 90, "memory"), charge("weights", 90, "memory"))
    step = StepBill(name="conv", op="conv2d", charges=charges, is_pipelined=True)
    own = replace(by_hand((step,)), held_out_p90=0.1)
    hidden = ("runtime.constants.output", "runtime.constants.weights")
    assert not reprice(replace(own, fitted=hidden), {}).is_calibrated[0]
    assert reprice(replace(own, fitted=("runtime.constants.mac",)), {}).is_calibrated[0]


def test_launches_wait_for_the_host_and_an_inference_starts_once() -> None:
    steps = tuple(
        StepBill(name=name, op="add", charges=(charge("output", 10, "memory"),), is_launched=works)
        for name, works in (("a", True), ("b", True), ("view", False))
    )
    own = replace(
        by_hand(steps, **{"runtime.per_launch": 40.0, "runtime.per_inference": 8.0}),
        launch="runtime.per_launch",
        inference="runtime.per_inference",
    )
    waiting = {"output": 10, "launch": 25, "inference": 4}
    assert step_terms(own, {}) == (waiting, waiting, {"output": 10})
    assert reprice(own, {}).latency_s.tolist() == [88]


def test_forks_are_due_on_more_than_one_core() -> None:
    step = StepBill(
        name="a", op="add", charges=(charge("output", 30, "memory"), charge("fork", 5, "alone"))
    )
    own = by_hand((step,))
    found = reprice(own, {"hardware.cores": np.array([1, 3]), "hardware.core_efficiency": 0.5})
    assert found.latency_s.tolist() == [30, 20]


def test_what_moves_elements_scales_by_an_efficiency_of_its_own() -> None:
    step = StepBill(
        name="a",
        op="conv2d",
        charges=(charge("mac", 30), charge("output", 20, "memory"), charge("call", 5, "alone")),
        gathers={"hardware.memories.ram.latency_cycles": 4},
    )
    chip = {"hardware.memory_core_efficiency": 0.5, "hardware.memories.ram.latency_cycles": 10.0}
    own, cores = by_hand((step,), **chip), {"hardware.cores": 3.0}
    assert step_terms(own, cores) == ({"mac": 10, "output": 10, "gather:ram": 20, "call": 5},)
    assert reprice(own, cores).latency_s.tolist() == [45]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hardware.clock": 1e9}, "hardware.clock: .*does not depend.*hardware.clock_hz"),
        ({CLOCK: 0.0}, "hardware.clock_hz: .*greater than or equal to 0.0*1, got 0.0"),
        ({CLOCK: [1e9, float("nan")]}, "hardware.clock_hz: .*got nan"),
        ({CLOCK: [1e9, float("inf")]}, "hardware.clock_hz: .*got inf"),
        ({CLOCK: ["fast"]}, "hardware.clock_hz: expected numbers"),
        ({CLOCK: [[1e9]]}, "one number per point"),
        ({"hardware.cores": [1, 2.5]}, "hardware.cores: .*valid integer, got 2.5"),
        ({"hardware.cores": [1, 2.5, 4]}, "hardware.cores: expected whole numbers, got 2.5"),
        ({"hardware.cores": 0}, "hardware.cores: .*greater than or equal to 1, got 0"),
        ({"hardware.core_efficiency": 1.5}, "core_efficiency: .*less than or equal to 1"),
        (
            {"runtime.constants.mac_s8": -1.0},
            "runtime.constants.mac_s8: .*greater than or equal to 0",
        ),
        ({CLOCK: [1e9, 2e9], "hardware.static_w": [1.0, 2.0, 3.0]}, "as many points"),
    ],
)
def test_values_that_no_profile_has_are_refused_in_one_line(
    values: dict[str, list[float]], said: str
) -> None:
    with pytest.raises(ProfileError, match=said) as caught:
        reprice(bill(), values)  # pyright: ignore[reportArgumentType]
    assert "\n" not in str(caught.value)


def test_what_follows_from_a_geometry_is_no_price() -> None:
    with pytest.raises(ProfileError, match="follows from the geometry"):
        reprice(bill("scnn_sim"), {"runtime.kernels.walk.cycles.per_mac": 1.0})


def test_more_cores_need_to_say_how_they_scale() -> None:
    own = bill("stm32l4r5_tflm")
    with pytest.raises(ProfileError, match="core_efficiency: this key is required"):
        reprice(own, {"hardware.cores": np.array([1, 2])})
    reprice(own, {"hardware.cores": np.array([1, 2]), "hardware.core_efficiency": 0.9})


def test_a_kernel_is_never_free() -> None:
    profile = unit_device(cycles=Cycles(per_mac=1.0))
    program = lower(layer(np.ones((4, 4)), Dense()), profile)
    own = bill_of(program, count(program))
    with pytest.raises(ProfileError, match="per_mac: expected a price above 0"):
        reprice(own, {"runtime.kernels.heavy.cycles.per_mac": np.array([1.0, 0.0])})


def test_a_light_kernel_is_never_free() -> None:
    profile = unit_device(cycles=Cycles(per_mac=1.0))
    program = lower(residual_integers(), profile)
    own = bill_of(program, count(program))
    with pytest.raises(ProfileError, match=r"light\.cycles\.per_output: expected a price above 0"):
        reprice(own, {"runtime.kernels.light.cycles.per_output": np.array([1.0, 0.0])})


def test_a_version_with_dots_is_one_name() -> None:
    profile = unit_device(version="2.16", versions={"2.16": Version(scale=3.0)})
    program = lower(layer(np.ones((4, 4)), Dense()), profile)
    own = bill_of(program, count(program))
    assert own.scale == "runtime.versions.2.16.scale"
    assert reprice(own, {}).latency_s.tolist() == [48]
    assert reprice(own, {"runtime.versions.2.16.scale": 1.0}).latency_s.tolist() == [16]


def test_single_numbers_stand_for_every_point_and_none_is_none() -> None:
    own = bill()
    found = reprice(own, {CLOCK: np.array([1e9, 2e9]), "hardware.static_w": 0.0})
    assert found.latency_s[0] == pytest.approx(2 * found.latency_s[1])
    assert reprice(own, {CLOCK: np.array([])}).latency_s.shape == (0,)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    own, clocks = bill("ethos_u55_256_vela"), np.linspace(1e8, 1e9, 23)
    whole = reprice(own, {CLOCK: clocks})
    # The function of the same name hides the module.
    monkeypatch.setattr(import_module("hwsim.repricing.reprice"), "MOST_NUMBERS", 64)
    parts = reprice(own, {CLOCK: clocks})
    assert parts.latency_s == pytest.approx(whole.latency_s, rel=1e-13)
    assert parts.energy_j == pytest.approx(whole.energy_j, rel=1e-13)


def test_evidence_stays_at_any_clock_and_goes_with_any_price() -> None:
    own = bill()
    assert reprice(own, {CLOCK: 1e9}).is_calibrated.all()
    # Even where the value is the profile's own: it is no longer the profile that says so.
    constant = "runtime.constants.mac_s8"
    found = reprice(own, {constant: own.prices[constant]})
    assert not found.is_calibrated.any()
    assert found.latency_high_s == pytest.approx(2 * found.latency_s)


def test_sources_are_those_of_the_longest_prefix() -> None:
    sources = {"hardware": "assumed: all", "hardware.clock_hz": "datasheet: DS1"}
    told = {one.key: one.source for one in spreads_of(bill(), sources)}
    assert told[CLOCK] == "datasheet: DS1"
    assert told["hardware.core_efficiency"] == "assumed: all"
