"""Laws over all renderings."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.records import Comparison
from reports import REPORTS, Report
from tests.comparisons import BASELINE, DEVICES, KWS, PRUNED, comparison, result

LIGHT = [report for report in REPORTS if report.name != "html"]
every = pytest.mark.parametrize("report", REPORTS, ids=lambda r: r.name)
light = pytest.mark.parametrize("report", LIGHT, ids=lambda r: r.name)


def test_names_differ() -> None:
    assert len({report.name for report in REPORTS}) == len(REPORTS)


@every
def test_renders_the_same_bytes_again(report: Report) -> None:
    assert report.render(comparison()) == report.render(comparison())


@every
def test_leaves_the_records_alone(report: Report) -> None:
    made = comparison()
    report.render(made)
    assert made == comparison()


@light
def test_renders_the_golden_comparison(report: Report, golden: Callable[[str, str], None]) -> None:
    suffix = {"terminal": "txt"}.get(report.name, report.name)
    golden(f"comparison.{suffix}", report.render(comparison()))


@every
@pytest.mark.parametrize(
    "odd",
    [
        comparison(None),
        comparison("a recipe that was refused everywhere"),
        replace(comparison(), results=()),
        replace(comparison(), refusals=()),
        Comparison(results=(), version="0"),
        Comparison(results=comparison().results[:1], version="0"),
    ],
    ids=["no baseline", "lost baseline", "all refused", "none refused", "empty", "single"],
)
def test_renders_odd_comparisons(report: Report, odd: Comparison) -> None:
    text = report.render(odd)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@every
def test_a_program_that_takes_no_time_is_rendered(report: Report) -> None:
    made = result(DEVICES[0], BASELINE, KWS, 1, 0.5)
    free = replace(
        made, estimate=replace(made.estimate, steps=(), latency_low_s=0.0, latency_high_s=0.0)
    )
    for results in ((free,), (made, replace(free, recipe=PRUNED))):
        text = report.render(Comparison(results=results, baseline=BASELINE, version="0"))
        if report.name != "html":
            assert "nan" not in text.lower().split()
            assert "Infinity" not in text


@light
@settings(max_examples=25)
@given(name=st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_name_is_rendered(report: Report, name: str) -> None:
    made = result(DEVICES[1], PRUNED, KWS, 1, 0.5)
    odd = replace(made, model=name, recipe=name, device=name, runtime=name)
    text = report.render(Comparison(results=(odd,), baseline=name, version="0"))
    text.encode("utf-8")


@every
def test_says_which_profiles_and_version_were_used(report: Report) -> None:
    text = report.render(comparison())
    for made in comparison().results:
        assert made.profile_sha256[:12] in text
    if report.name != "csv":
        assert comparison().version in text
