"""The page's figures are printed as those of all other reports."""

import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from reports import units

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from reports.page.document import script

LADDERS = {
    "SECONDS": units.SECONDS,
    "JOULES": units.JOULES,
    "BYTES": units.BYTES,
    "COUNTS": units.COUNTS,
}
# Ties between two figures, edges between digits and units, and what is out of all ranges.
EDGES = [
    *(0.0, 1.0, 0.125, 0.375, 2.5, 3.5, 8.5, 12.25, 12.75, 999.5, 1000.5, 1234.5, 9999.5),
    *(9.995, 9.9951171875, 9.996, 99.95, 0.9995, 0.0625, 1023.5 * 1024, 1023.9, 1024.0, 2.0**20),
    *(1e-80, 1e-12, 1e-9, 999e-9, 1e-6, 0.00099951, 1e4, 9999.0, 123456789.0, 1e20, 1e21, 1e22),
    *(1e300, -2.5, -1234.5, math.inf, -math.inf, math.nan),
]


@pytest.fixture(scope="module")
def page(browser: "Browser") -> "Page":
    made = browser.new_page()
    made.evaluate(f"() => {{ {script('units')}; window.units = units; }}")
    return made


def drawn(n: int) -> list[float]:
    rng = random.Random(n)
    values = [rng.choice((1, 10)) * 10 ** rng.uniform(-13, 13) for _ in range(n)]
    # Halves of small powers of two are where roundings tie.
    ties = [(2 * rng.randrange(4000) + 1) / 2 ** rng.randrange(1, 9) for _ in range(n)]
    return [*values, *ties, *map(float, range(0, 20_000, 37))]


def told(page: "Page", function: str, values: list[Any]) -> list[str]:
    text = ", ".join("NaN" if v != v else repr(v).replace("inf", "Infinity") for v in values)
    return page.evaluate(f"() => [{text}].map((v) => {function})")


def test_figures(page: "Page") -> None:
    values = [*EDGES, *drawn(2000)]
    assert told(page, "units.figure(v)", values) == [units.figure(v) for v in values]


def test_ratios(page: "Page") -> None:
    values = [v for v in (*EDGES, *drawn(500)) if v >= 0]
    assert told(page, "units.times(v)", values) == [units.times(v) for v in values]


@pytest.mark.parametrize("name", LADDERS)
def test_units(page: "Page", name: str) -> None:
    ladder = LADDERS[name]
    values = [v for v in (*EDGES, *drawn(1000)) if v < 1e30]
    said = told(page, f"units.withUnit(v, units.{name})", values)
    assert said == [units.with_unit(v, ladder) for v in values]
    rng = random.Random(1)
    for size in (0, 1, 2, 5, 30):
        for _ in range(40):
            column = [10 ** rng.uniform(-13, 13) * rng.choice((0, 1, 1, 1)) for _ in range(size)]
            unit = units.unit_for(column, ladder)
            found = page.evaluate(f"(c) => units.unitFor(c, units.{name})", column)
            assert (found["symbol"], found["base"]) == (unit.symbol, unit.base)
