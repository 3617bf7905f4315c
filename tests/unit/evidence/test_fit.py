"""Fits: what made the rows is found again, by hand-made samples."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import MeasurementError
from hwsim.evidence.contributions import FIXED
from hwsim.evidence.design import Sample
from hwsim.evidence.errors import errors_of
from hwsim.evidence.fit import fit
from hwsim.evidence.held_out import by_anchor, by_board, by_group, by_macs, by_roofline
from hwsim.profile import FitPlan

PLAN = FitPlan(
    family="toy",
    measurements=("rows.csv",),
    constants=("mac", "call"),
    prior={"mac": 2.0, "call": 100.0},
    ridge=0.0,
    leave_out="network",
)
TRUE = {"mac": 1.5, "call": 400.0}


def made(network: str, macs: int, calls: int, scale: float, system: str, board: str) -> Sample:
    """Return a sample that `TRUE` predicts exactly, at 1 Hz."""
    row = SimpleNamespace(
        network=network, topology=network, where=f"{network}@{board}", board=board, profile=system
    )
    scaled = {"mac": float(macs), "call": float(calls), FIXED: 10.0}
    return Sample(
        measurement=cast("Any", row),
        profile=cast("Any", None),
        system=(system, "1"),
        latency_s=scale * (TRUE["mac"] * macs + TRUE["call"] * calls + 10) + 5,
        scaled=scaled,
        unscaled={FIXED: 5.0},
        macs=macs,
        roofline_s=float(macs),
    )


SHAPES = {"a": (1000, 3), "b": (50_000, 12), "c": (700, 40), "d": (9_000, 2)}
BOARDS = {("one", "x"): 1.0, ("one", "y"): 1.0, ("two", "z"): 1.7}
SAMPLES = [
    made(network, *shape, scale, system, board)
    for network, shape in SHAPES.items()
    for (system, board), scale in BOARDS.items()
]
ANCHOR = (("one", "1"), 1.0)


def test_constants_and_scales_are_found_again() -> None:
    found = fit(SAMPLES, PLAN, TRUE, ANCHOR)
    assert found.constants == pytest.approx(TRUE, rel=1e-4)
    assert found.scales == pytest.approx({("one", "1"): 1.0, ("two", "1"): 1.7}, rel=1e-4)


def test_the_anchor_gives_scales_their_meaning() -> None:
    twice = fit(SAMPLES, PLAN, TRUE, (("two", "1"), 1.7))
    assert twice.scales == pytest.approx({("one", "1"): 1.0, ("two", "1"): 1.7}, rel=1e-3)


@pytest.mark.parametrize("way", [by_group, by_board])
def test_what_is_held_out_is_predicted_where_the_model_is_true(way: Any) -> None:
    predictions = way(SAMPLES, PLAN, TRUE, ANCHOR)
    # The board z is alone on its system: without it there is no scale.
    assert len(predictions) == (12 if way is by_group else 8)
    for sample, seconds in predictions:
        assert seconds == pytest.approx(sample.latency_s, rel=1e-3)


def test_one_network_gives_the_scale_of_a_new_core() -> None:
    predictions = by_anchor(SAMPLES, PLAN, TRUE)
    assert {s.system[0] for s, _ in predictions} == {"one", "two"}
    for sample, seconds in predictions:
        assert seconds == pytest.approx(sample.latency_s, rel=2e-2)


def test_baselines_miss_what_they_do_not_know() -> None:
    for way in (by_macs, by_roofline):
        errors = errors_of([(seconds, s.latency_s) for s, seconds in way(SAMPLES, PLAN)])
        assert errors is not None
        assert errors.mape > 0.3


def test_a_held_out_row_never_reaches_its_own_fit() -> None:
    """A false row moves its own prediction nowhere, and those of others somewhere."""
    false = [s if s.measurement.network != "a" else spoiled(s) for s in SAMPLES]
    clean = dict(named(by_group(SAMPLES, PLAN, TRUE, ANCHOR)))
    moved = dict(named(by_group(false, PLAN, TRUE, ANCHOR)))
    assert all(moved[key] == clean[key] for key in clean if key.startswith("a@"))
    assert any(moved[key] != pytest.approx(clean[key], rel=1e-3) for key in clean)


def spoiled(sample: Sample) -> Sample:
    from dataclasses import replace

    return replace(sample, latency_s=sample.latency_s * 3)


def named(predictions: list[tuple[Sample, float]]) -> list[tuple[str, float]]:
    return [(sample.measurement.where, seconds) for sample, seconds in predictions]


def test_a_strong_pull_stays_at_the_prior() -> None:
    plan = PLAN.model_copy(update={"ridge": 1e6})
    assert fit(SAMPLES, plan, TRUE, ANCHOR).constants == pytest.approx(PLAN.prior, rel=1e-2)


def test_constants_that_are_not_free_stay() -> None:
    plan = PLAN.model_copy(update={"constants": ("mac",)})
    found = fit(SAMPLES, plan, TRUE | {"call": 400.0}, ANCHOR)
    assert found.constants["call"] == 400.0
    assert found.constants["mac"] == pytest.approx(1.5, rel=1e-4)


def test_only_scales() -> None:
    plan = PLAN.model_copy(update={"constants": ()})
    found = fit(SAMPLES, plan, TRUE)
    assert found.constants == TRUE
    assert found.scales["two", "1"] == pytest.approx(1.7)


def test_nothing_to_fit_is_told() -> None:
    with pytest.raises(MeasurementError, match="at least one measured latency"):
        fit([], PLAN, TRUE)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=1, max_size=20))
def test_errors_are_those_of_the_definition(pairs: list[tuple[float, float]]) -> None:
    errors = errors_of(pairs)
    assert errors is not None
    each = [abs(p / m - 1) for p, m in pairs]
    assert errors.mape == pytest.approx(sum(each) / len(each))
    assert errors.median == pytest.approx(float(np.median(each)))
    assert errors.within_10 == pytest.approx(sum(e <= 0.1 for e in each) / len(each))
    assert errors.within_10 <= errors.within_20
    factors = sorted(max(p / m, m / p) for p, m in pairs)
    inside = sum(factor <= 1 + errors.p90 + 1e-9 for factor in factors)
    assert inside >= 0.9 * len(pairs)
    assert len(pairs) >= 10 or 1 + errors.p90 == pytest.approx(factors[-1])


def test_ranks_are_compared() -> None:
    rising = errors_of([(1, 2), (2, 30), (3, 31)])
    falling = errors_of([(3, 2), (2, 30), (1, 31)])
    assert rising is not None
    assert falling is not None
    assert (rising.spearman, falling.spearman) == (pytest.approx(1), pytest.approx(-1))
    assert errors_of([]) is None
