"""No technique without a row, no row without a measurement, no page out of date."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, get_args

import pytest

import compressors
from compressors import COMPRESSORS
from tests.techniques.page import PAGE, claimed, page, recorded
from tests.techniques.table import NETWORKS, TECHNIQUES

ROOT: Final = Path(__file__).parents[2]
# They change nothing that a row could show, or only how other steps are trained.
UNSEEN: Final = {"none", "fuse"}
# Settings whose every choice is a technique of its own.
CHOICES: Final = (
    ("prune", "schedule"),
    ("prune", "scope"),
    ("prune", "criterion"),
    ("quantize", "scheme"),
    ("quantize", "observer"),
    ("quantize", "rounding"),
    ("quantize", "mode"),
    ("quantize", "clip"),
    ("quantize", "granularity"),
    ("quantize", "activation_scheme"),
    ("iterative_clip", "schedule"),
    ("qat", "method"),
    ("factorize", "method"),
    ("share", "init"),
    ("distill", "method"),
)


def steps() -> list[Any]:
    """Return every step of every recipe that is measured."""
    specs = [technique.recipe for technique in TECHNIQUES]
    paths = [ROOT / spec if spec.endswith(".yaml") else spec for spec in specs]
    return [step for path in paths for step in compressors.parse(path).steps]


def test_names_are_unique() -> None:
    assert len({technique.name for technique in TECHNIQUES}) == len(TECHNIQUES)


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)
def test_every_technique_lives_somewhere(technique: Any) -> None:
    assert (ROOT / technique.room).exists()
    assert set(technique.networks) <= set(NETWORKS)
    assert technique.networks


def test_every_compressor_is_measured() -> None:
    assert {step.name for step in steps()} >= {c.name for c in COMPRESSORS} - UNSEEN


@pytest.mark.parametrize(("name", "setting"), CHOICES)
def test_every_choice_is_measured(name: str, setting: str) -> None:
    (compressor,) = [c for c in COMPRESSORS if c.name == name]
    annotation = compressor.model_fields[setting].annotation
    choices = set(get_args(annotation))
    assert choices, f"{name}.{setting} offers no choices that can be listed"
    measured = {getattr(step, setting) for step in steps() if step.name == name}
    assert measured >= choices


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda technique: technique.name)
def test_every_technique_has_a_measurement(technique: Any) -> None:
    records = recorded()[technique.name]
    assert set(records) >= set(technique.networks)
    for name in technique.networks:
        assert "after" in records[name], records[name].get("refused")
        assert records[name]["recipe"] == technique.recipe


def test_the_page_says_what_was_measured(request: pytest.FixtureRequest) -> None:
    found = PAGE.read_text(encoding="utf-8")
    expected = page(found, recorded(), claimed())
    if request.config.getoption("--update-golden"):
        PAGE.write_text(expected, encoding="utf-8", newline="\n")
        return
    assert found == expected, "run make golden"
