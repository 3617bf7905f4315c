"""The page prices a bill as hwsim does, on every shipped device."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

import compressors
from hwsim.cost import count, price
from hwsim.data import Data
from hwsim.errors import UnsupportedError
from hwsim.evaluation import estimate
from hwsim.lower import lower
from hwsim.profile import known_devices, load_profile
from hwsim.records import Bill
from hwsim.repricing import bill_of, price_keys, reprice
from reports.page.beside import pricing
from reports.page.document import script
from tests import graphs
from tests.bill_steps import energy_terms, step_terms
from tests.graphs import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from hwsim.graph import Graph

RECIPES = (
    ("residual", "none"),
    ("separable", "quantize"),
    ("grouped", "prune{sparsity=0.9}|quantize|encode{format=csr}"),
)
DRAWS = 4  # The first as it is.
CORES = "hardware.cores"
PRICE = "([bill, changed]) => hwsim.price(bill, changed)"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    opened = browser.new_page()
    data = json.dumps({"pricing": pricing()})
    made = f"const hwsim = {{ data: {data} }}; {script('pricing')}; window.hwsim = hwsim;"
    opened.evaluate(f"() => {{ {made} }}")
    return opened


@cache
def made(graph: str, recipe: str) -> Graph:
    source: Graph = getattr(graphs, graph)()
    return compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))


@cache
def bills(name: str) -> list[tuple[str, str, Bill]]:
    """Return the bills of what runs there."""
    profile = load_profile(name)
    found: list[tuple[str, str, Bill]] = []
    for graph, recipe in RECIPES:
        program = lower(made(graph, recipe), profile)
        try:
            counts = count(program)
            price(program, counts)
        except UnsupportedError:
            continue
        found.append((graph, recipe, bill_of(program, counts)))
    assert found
    return found


def plain(bill: Bill) -> Any:
    return json.loads(TypeAdapter(Bill).dump_json(bill))


def drawn(bill: Bill, rng: random.Random, turn: int) -> dict[str, float]:
    """Return other values: of what the evidence covers, of a few keys, of about half of all."""
    keys = sorted(price_keys(bill))
    chip = [key for key in keys if key in ("hardware.clock_hz", CORES)]
    some = (chip, rng.sample(keys, 2), [key for key in keys if rng.random() < 0.5])[turn % 3]
    values: dict[str, float] = {}
    for key in some:
        if key == CORES:
            values[key] = rng.randint(1, 8) if bill.scales_cores else 1
        elif "efficiency" in key:
            values[key] = rng.uniform(0.1, 1.0)
        else:
            values[key] = bill.prices[key] * rng.uniform(0.2, 5.0)
    return values


@pytest.mark.parametrize("name", known_devices())
def test_the_page_prices_as_hwsim_does(page: Page, name: str) -> None:
    rng = random.Random(name)
    for _, _, bill in bills(name):
        own = plain(bill)
        for turn in range(DRAWS):
            values = drawn(bill, rng, turn) if turn else {}
            told = page.evaluate(PRICE, [own, values])
            expected = reprice(bill, values)
            for figure in ("latency_s", "energy_j", "latency_low_s", "latency_high_s"):
                known = getattr(expected, figure)[0]
                assert told[figure] == pytest.approx(known, rel=1e-9), (figure, values)
            assert told["is_calibrated"] == bool(expected.is_calibrated[0])
            tiny = 1e-12 * told["latency_s"]
            seconds, joules = step_terms(bill, values), energy_terms(bill, values)
            for step, own_s, own_j in zip(told["steps"], seconds, joules, strict=True):
                assert step["terms"] == pytest.approx(_above(own_s, step["terms"]), abs=tiny)
                assert step["energy_terms"] == pytest.approx(own_j, rel=1e-9)


def _above(known: Any, told: Any) -> dict[str, float]:
    """Return what is known of all that either side names; what is 0 may be left out."""
    return {term: known.get(term, 0.0) for term in told} | {k: v for k, v in known.items() if v}


@pytest.mark.parametrize("name", known_devices())
def test_the_page_says_what_evaluate_says_under_these_overrides(page: Page, name: str) -> None:
    rng = random.Random(name)
    graph, recipe, bill = bills(name)[0]
    values = {k: v for k, v in drawn(bill, rng, 2).items() if ".versions." not in k}
    if CORES in values:
        values[CORES] = int(values[CORES])
    expected = estimate(made(graph, recipe), load_profile(name, values))
    told = page.evaluate(PRICE, [plain(bill), values])
    assert told["latency_s"] == pytest.approx(expected.latency_s, rel=1e-9)
    assert told["energy_j"] == pytest.approx(expected.energy_j, rel=1e-9)
    assert told["latency_high_s"] == pytest.approx(expected.latency_high_s, rel=1e-9)
