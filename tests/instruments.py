"""Results with details, on a page in a browser."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import compressors
from hwsim.data import Data
from hwsim.evaluation import detailed
from hwsim.records import Study
from hwsim.sweeps import evaluate_rows, rows_of, targets_of
from reports.page import render
from tests import graphs
from tests.graphs import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from hwsim.graph import Graph
    from hwsim.records import Result

MCU, GPU, NPU, ARRAY = "stm32l4r5_tflm", "h200_cuda", "ethos_u55_256_vela", "eie_sim"
CPU = "rpi4_xnnpack"
QUANTIZED = "quantize{weights=8,activations=8}"
SPECS = (
    QUANTIZED,
    *(f"prune{{sparsity={s}}}|{QUANTIZED}|encode{{format=csr}}" for s in (0.5, 0.75, 0.95)),
)
RECIPES = tuple(compressors.parse(spec).name for spec in SPECS)


@cache
def graph_of(recipe: str) -> Graph:
    source = graphs.separable()
    return compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))


@cache
def study() -> Study:
    source = graphs.separable()
    data = Data(x=samples(source, 8))
    recipes = [compressors.parse(recipe) for recipe in RECIPES]
    targets = targets_of((MCU, GPU, NPU, ARRAY, CPU))
    rows = [replace(r, finish=detailed) for r in rows_of([source], recipes, targets, None, data)]
    return Study(title="instruments", comparison=evaluate_rows(rows, baseline=RECIPES[0]))


def only_page(browser: Browser, path: Path, made: Study) -> Iterator[Page]:
    """Yield one page for all tests that leave it as it was, or say what they look at."""
    path.write_text(render(made), encoding="utf-8")
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(30_000)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text))
    opened.goto(path.as_uri())
    opened.wait_for_selector("html[data-ready]")
    yield opened
    opened.close()
    assert faults == []


def choose(page: Page, device: str, recipe: str = RECIPES[2]) -> Result:
    results = study().comparison.results
    at = next(i for i, r in enumerate(results) if (r.device, r.recipe) == (device, recipe))
    page.evaluate(f"hwsim.select.set({at})")
    return results[at]


def cells(page: Page, section: str, column: int) -> list[Any]:
    """Return the values that a column of a section's table is sorted by, or its texts."""
    found = page.locator(f"#{section} tbody tr > :nth-child({column + 1})")
    return found.evaluate_all("cells => cells.map((c) => c.dataset.value ?? c.textContent)")
