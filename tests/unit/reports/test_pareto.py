from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reports.pareto import front, front_of
from tests.comparisons import BASELINE, DEVICES, HOSTILE, KWS, PRUNED, comparison, result

# Few distinct values, so that ties and equal points are common.
points = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(points)
def test_front_is_what_no_other_point_dominates(cloud: list[tuple[int, int]]) -> None:
    expected = [
        not any(g >= gain and c <= cost and (g, c) != (gain, cost) for g, c in cloud)
        for gain, cost in cloud
    ]
    assert front(cloud) == expected


def test_unknown_accuracy_and_what_does_not_fit_are_not_on_the_front() -> None:
    results = comparison().results
    on_front = [r for r, is_on in zip(results, front_of(results), strict=True) if is_on]
    assert {r.model for r in on_front} == {KWS}
    too_large = result(DEVICES[0], BASELINE, HOSTILE, 40, 0.99)
    assert not too_large.fits
    assert front_of([too_large]) == [False]


def test_models_do_not_compete() -> None:
    good = result(DEVICES[0], PRUNED, KWS, 1, 0.9)
    bad = replace(result(DEVICES[0], PRUNED, KWS, 2, 0.5), model="another task")
    assert front_of([good, bad]) == [True, True]


def test_devices_do_not_compete() -> None:
    slow, fast = (result(device, PRUNED, KWS, 1, 0.9) for device in DEVICES[:2])
    assert front_of([slow, fast]) == [True, True]
