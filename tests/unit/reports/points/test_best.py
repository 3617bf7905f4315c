"""The best of each figure, against a pandas that sorts."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from hwsim.frame import frame
from hwsim.records import Points
from reports.points.best import best_of
from reports.points.sections import sections_of
from reports.points.summary import axes_of, reasons_of, told
from tests.points import AXES, point, refused
from tests.studies import points

COLUMNS = {
    "latency": "latency_s",
    "energy": "energy_j",
    "peak RAM": "peak_ram_bytes",
    "flash": "flash_bytes",
}


@pytest.mark.parametrize("is_any_fit", [True, False])
def test_the_best_that_fit_or_of_all_where_none_does(is_any_fit: bool) -> None:
    swept = points(600, 1)
    priced = [p for p in swept.points if p.refused is None]
    if not is_any_fit:
        priced = [replace(p, fits=False) for p in priced]
    table = frame(Points(axes=swept.axes, points=tuple(priced)))
    among = table[table["fits"].astype(bool)] if is_any_fit else table
    found = {word: p for words, p in best_of(priced) for word in words}
    for word, column in COLUMNS.items():
        assert getattr(found[word], column) == among[column].min()
    assert found["top-1"].top1 == among["top1"].max()
    # Each point is told once, whatever it is best at.
    assert len({p.key for _, p in best_of(priced)}) == len(best_of(priced))


def test_ties_go_to_the_more_accurate_one() -> None:
    worse, better = (
        replace(point(0), key=key, top1=top1) for key, top1 in (("a", 0.1), ("b", 0.2))
    )
    assert [p.key for _, p in best_of([worse, better])] == ["b"]


def test_batches_do_not_compete() -> None:
    # Eight samples take longer and cost more than one, and are cheaper each.
    one = replace(point(0), key="a", latency_s=1.0, energy_j=1.0)
    eight = replace(one, key="b", batch=8, latency_s=2.0, energy_j=2.0)
    words = ("latency", "energy", "peak RAM", "flash", "top-1")
    assert best_of([eight, one]) == [
        ((*words[:-1], f"{words[-1]} at batch {each.batch}"), each) for each in (one, eight)
    ]
    assert best_of([eight]) == [(words, eight)]


def test_sections_lie_between_their_lowest_and_highest() -> None:
    swept = points(300, 3)
    table = pd.DataFrame(frame(swept))
    for section in sections_of(swept):
        own = table[(table["model"] + " on " + table["device"]) == section.title]
        assert section.told.startswith(f"{len(own)} points, ")
        lowest, highest = section.rows[:2]
        base = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[section.units[0]]
        for row, value in ((lowest, own["latency_s"].min()), (highest, own["latency_s"].max())):
            assert float(row.figures[0].replace(",", "")) * base == pytest.approx(value, rel=5e-3)


def test_only_refusals_have_no_figures() -> None:
    swept = Points(axes=AXES, points=(refused(1), refused(2)))
    (section,) = sections_of(swept)
    assert (section.rows, section.told) == ((), "2 points, 2 refused")
    assert told(swept, 5) == "2 of 5 points finished, 2 of them refused"
    ((reason,), rarer) = reasons_of(swept.points)
    assert (reason.n, rarer) == (2, 0)
    assert [(axis.name, axis.n) for axis in axes_of(swept)] == [
        (name, int(name == AXES[0])) for name in AXES
    ]
