"""What profiles say of their evidence is what a replay of the shipped measurements finds."""

from __future__ import annotations

from functools import cache

import pytest

from hwsim.cost import count, price
from hwsim.evidence.design import Sample, profile_of
from hwsim.evidence.networks import network
from hwsim.evidence.validation import Family, families, family, fitted, stale, validate
from hwsim.lower import lower
from tests.evidence_page import PAGE, page

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

FAMILIES = families()


@cache
def read(name: str) -> Family:
    return family(name)


def spread(samples: tuple[Sample, ...]) -> list[Sample]:
    """Return a few samples from all over."""
    return list(samples[:: max(1, len(samples) // 8)])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_design_is_the_price_taken_apart(name: str) -> None:
    for sample in spread(read(name).samples):
        row = sample.measurement
        profile = profile_of(row.profile, row.overrides)
        program = lower(network(row.network, row.types), profile)
        priced = price(program, count(program)).latency_s * row.repeats
        scale = profile.runtime.current.scale
        assert sample.predict(profile.runtime.constants, scale) == pytest.approx(priced, rel=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_stored_evidence_is_what_a_replay_finds(name: str) -> None:
    of = read(name)
    assert stale(of, validate(of)) == []


def own_board(of: Family, profile: str) -> str:
    """Return the board that a profile describes: that of its first row."""
    return next(s.measurement.board for s in of.samples if s.measurement.profile == profile)


@pytest.mark.parametrize("name", FAMILIES)
def test_shipped_constants_are_what_a_fit_finds(name: str) -> None:
    of = read(name)
    found = fitted(of)
    for constant in of.plan.constants:
        shipped = of.root.runtime.constants[constant]
        assert shipped == pytest.approx(found.constants[constant], rel=2e-3, abs=1e-6)
    for sample in of.samples:
        row, runtime = sample.measurement, sample.profile.runtime
        # Boards without a profile of their own are fitted, not shipped.
        if of.plan.scale_per == "core" or row.board == own_board(of, row.profile):
            scale = found.scales[sample.system]
            assert runtime.current.scale == pytest.approx(scale, rel=2e-3), row.where


def test_the_page_shows_what_profiles_store() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.evidence_page"
