"""Every device has a page, which says what its profile and its measurements say today."""

from __future__ import annotations

import pytest

from hwsim.profile import known_devices, load_profile
from tests.device_pages.__main__ import FOLDER
from tests.device_pages.index import index
from tests.device_pages.measured import HEAD, measured
from tests.device_pages.page import page_with

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow
# Fits of more rows than that take minutes together; tests/laws/test_evidence.py replays them all.
_FEW_ROWS = 30


def shown(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def measured_in(page: str) -> str:
    """Return the section of measurements that a page has; nothing where it has none."""
    _, head, rest = page.partition(HEAD)
    body, sources, _ = rest.partition("## Sources")
    assert not head or sources
    return head + body


def test_each_device_has_a_page_and_nothing_else_has() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == {"README", *known_devices()}
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == index()


@pytest.mark.parametrize("name", known_devices())
def test_the_page_is_up_to_date(name: str) -> None:
    page = shown(name)
    assert page == page_with(name, measured_in(page)), "run python -m tests.device_pages"


@pytest.mark.parametrize("name", known_devices())
def test_measurements_are_up_to_date(name: str) -> None:
    profile = load_profile(name)
    evidence = profile.evidence
    root = None if profile.fit is None else load_profile(profile.fit.family).evidence
    if any(found is not None and found.n > _FEW_ROWS for found in (evidence, root)):
        pytest.skip("many rows: the fit of this family is replayed by tests/laws/test_evidence.py")
    assert measured_in(shown(name)) == measured(profile), "run python -m tests.device_pages"
