"""Prices, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.cost import count, price
from hwsim.errors import UnsupportedError
from hwsim.formats import Bitmask, Dense
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import Cycles, DeviceProfile, Evidence, Memory, Tile
from hwsim.records import StepEstimate
from tests.devices import unit_device
from tests.unit.cost.test_count import layer

EVERY_TERM = Cycles(
    per_call=1000,
    per_mac=1,
    per_output=10,
    per_input=100,
    per_nonzero=0.5,
    per_decode=2,
)


def priced(graph: Graph, profile: DeviceProfile) -> StepEstimate:
    program = lower(graph, profile)
    (step,) = price(program, count(program)).steps
    return step


def with_hardware(profile: DeviceProfile, **changes: object) -> DeviceProfile:
    hardware = profile.hardware.model_copy(update=changes)
    return profile.model_copy(update={"hardware": hardware})


def test_every_term_is_a_count_times_its_price() -> None:
    codes = [[1, 2, 3, 0], [0, 0, 4, 0], [5, 0, 6, 0]]
    step = priced(layer(codes, Bitmask()), unit_device(Tile(m=2, k=2), EVERY_TERM))
    # Executed 6, rounded up by 2, waited for 4; 3 outputs, 4 inputs, 6 stored weights.
    assert step.terms_s == {
        "mac": 6,
        "tile_padding": 2,
        "imbalance": 4,
        "index": 3,
        "input": 400,
        "output": 30,
        "call": 1000,
    }
    assert step.latency_s == sum(step.terms_s.values())


def test_cores_share_work_but_not_calls() -> None:
    profile = with_hardware(
        unit_device(cycles=Cycles(per_mac=1, per_call=7)), cores=3, core_efficiency=0.5
    )
    step = priced(layer(np.ones((4, 4)), Dense()), profile)
    assert step.terms_s == {"mac": 16 / 2, "call": 7}


def test_transfers_add_up_unless_they_overlap() -> None:
    memories = {
        "ram": Memory(size_bytes=64, bytes_per_cycle=1, pj_per_byte=0, holds=("activations",)),
        "flash": Memory(size_bytes=64, bytes_per_cycle=0.5, pj_per_byte=0, holds=("weights",)),
    }
    serial = with_hardware(unit_device(), memories=memories)
    graph = layer(np.ones((4, 4)), Dense())
    # 8 bytes of activations at 1 per cycle, 16 of weights at 1/2.
    assert priced(graph, serial).terms_s == {"mac": 16, "traffic:ram": 8, "traffic:flash": 32}
    beside = with_hardware(unit_device(overlaps_memory=True), memories=memories)
    # max(16, 32) as 16 of compute and 16 of waiting for the slowest memory.
    assert priced(graph, beside).terms_s == {"mac": 16, "traffic:flash": 16}


def test_energy_is_macs_bytes_and_power_over_time() -> None:
    memories = {
        "ram": Memory(size_bytes=64, pj_per_byte=3, holds=("activations",)),
        "flash": Memory(size_bytes=64, pj_per_byte=5, holds=("weights",)),
    }
    profile = with_hardware(
        unit_device(Tile(m=3)), memories=memories, mac_pj={"8x8": 2.0}, static_w=1e-12, cycle_pj=7.0
    )
    step = priced(layer(np.ones((4, 4)), Dense()), profile)
    # 4 channels are rounded up to 6: 24 MACs are issued in 24 cycles of 1 s.
    assert step.energy_terms_j == pytest.approx(
        {
            "mac": 48e-12,
            "traffic:ram": 24e-12,
            "traffic:flash": 80e-12,
            "cycles": 168e-12,
            "static": 24e-12,
        }
    )


def test_macs_without_an_energy_are_refused() -> None:
    profile = with_hardware(unit_device(), mac_pj={"f32": 1.0})
    message = r"layer/fc: unit_device gives no energy of a 8x8 MAC \(gives: f32\)"
    with pytest.raises(UnsupportedError, match=message):
        priced(layer(np.ones((2, 2)), Dense()), profile)


def test_the_interval_follows_from_the_evidence() -> None:
    program = lower(layer(np.ones((4, 4)), Dense()), unit_device())
    guessed = price(program, count(program))
    assert (guessed.latency_low_s, guessed.latency_high_s) == (8, 32)
    errors = dict.fromkeys(("held_out_mape", "held_out_median", "within_10", "within_20"), 0.1)
    baselines = dict.fromkeys(("in_sample_mape", "macs_mape", "roofline_mape"), 0.1)
    evidence = Evidence(
        measurements=("none.csv",),
        n=3,
        left_out="network",
        held_out_p90=0.2,
        **errors,
        **baselines,
    )
    known = unit_device().model_copy(update={"evidence": evidence})
    program = lower(layer(np.ones((4, 4)), Dense()), known)
    backed = price(program, count(program))
    assert backed.latency_high_s == pytest.approx(16 * 1.2)
    assert backed.latency_low_s == pytest.approx(16 / 1.2)
