from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.records import CAUSES, Attribution, Cause
from reports.explanation.causes import CAUSES_NAMED
from reports.explanation.waterfall import SMALL, Waterfall, main_cause, waterfall
from tests.comparisons import BASELINE, DEVICES, KWS, result
from tests.explanations import attribution

MADE = attribution(
    result(DEVICES[0], BASELINE, KWS, 1, None), result(DEVICES[0], BASELINE, KWS, 1, None)
)


def scaled(before_s: float, after_s: float, bars_s: dict[Cause, float]) -> Attribution:
    """Return an attribution of one step on either side."""

    def of(seconds: float) -> object:
        step = replace(MADE.baseline.estimate.steps[0], terms_s={"mac": seconds})
        return replace(MADE.baseline, estimate=replace(MADE.baseline.estimate, steps=(step,)))

    return replace(MADE, baseline=of(before_s), result=of(after_s), bars_s=bars_s)


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def require_sum(drop: Waterfall) -> None:
    """Require that every printed total is the printed one before it, and the changes between."""
    running = number(drop.bars[0].text)
    percent = number(drop.bars[0].percent)
    for bar in drop.bars[1:]:
        if bar.kind == "total":
            assert number(bar.text) == running
            assert number(bar.percent) == percent
        else:
            running += number(bar.text)
            percent += number(bar.percent)


@given(
    st.floats(1e-9, 1e3),
    st.dictionaries(st.sampled_from(CAUSES), st.floats(-0.05, 2.0), max_size=16),
)
def test_bars_add_up_as_they_are_printed(before_s: float, shares: dict[Cause, float]) -> None:
    bars_s: dict[Cause, float] = {cause: share * before_s for cause, share in shares.items()}
    after_s = before_s + sum(bars_s.values())
    drop = waterfall(scaled(before_s, after_s, bars_s), "before", "after")
    require_sum(drop)
    unit = drop.unit.base
    assert drop.bars[0].seconds == before_s
    assert drop.bars[-1].seconds == after_s
    # A figure is the difference of two rounded ones: off by one in the last digit at most.
    for bar in drop.bars:
        last = 10.0 ** -len(bar.text.partition(".")[2])
        assert float(number(bar.text)) == pytest.approx(bar.seconds / unit, abs=1.001 * last)


def test_the_order_is_baseline_promise_causes_result() -> None:
    bars: dict[Cause, float] = {"overhead": 3e-3, "fewer_macs": -8e-3, "tiles": 1e-3}
    drop = waterfall(scaled(10e-3, 6e-3, bars), "dense", "sparse")
    shown = [(bar.label, bar.kind, bar.text, bar.percent) for bar in drop.bars]
    assert shown == [
        ("dense", "total", "10.00", "100.0"),
        ("fewer MACs", "saves", "-8.00", "-80.0"),
        ("as promised", "total", "2.00", "20.0"),
        ("rounding up to tiles", "adds", "+1.00", "+10.0"),
        ("calls and launches", "adds", "+3.00", "+30.0"),
        ("sparse", "total", "6.00", "60.0"),
    ]
    assert [bar.start_s for bar in drop.bars] == pytest.approx([0, 10e-3, 0, 2e-3, 3e-3, 0])


def test_small_causes_are_told_together() -> None:
    bars: dict[Cause, float] = {"tiles": 4e-5, "index": 4e-5, "overhead": 5e-3}
    drop = waterfall(scaled(10e-3, 15.08e-3, bars), "before", "after")
    assert [bar.label for bar in drop.bars] == ["before", "calls and launches", "rest", "after"]
    assert drop.bars[2].seconds == pytest.approx(8e-5)
    large = waterfall(scaled(10e-3, 10e-3 * (1 + SMALL), {"tiles": 10.1e-3 * SMALL}), "a", "b")
    assert large.bars[1].cause == "tiles"


def test_the_main_cause_adds_most() -> None:
    bars: dict[Cause, float] = {"fewer_macs": 9e-3, "tiles": 1e-3, "numbers": -5e-3, "index": 2e-3}
    assert main_cause(scaled(10e-3, 17e-3, bars)) == "index"
    assert main_cause(scaled(10e-3, 2e-3, {"fewer_macs": -8e-3})) is None


def test_every_cause_has_a_name_of_its_own_that_fits_beside_a_bar() -> None:
    assert tuple(CAUSES_NAMED) == CAUSES
    labels = [named.label for named in CAUSES_NAMED.values()]
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 22
    assert all(named.meaning.endswith(".") for named in CAUSES_NAMED.values())
