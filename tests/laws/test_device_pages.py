"""Every device has a page, which says what its profile and its measurements say today."""

from __future__ import annotations

import pytest

from hwsim.profile import known_devices
from tests.device_pages.__main__ import FOLDER
from tests.device_pages.index import index
from tests.device_pages.page import page

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow


def test_each_device_has_a_page_and_nothing_else_has() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == {"README", *known_devices()}
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == index()


@pytest.mark.parametrize("name", known_devices())
def test_the_page_is_up_to_date(name: str) -> None:
    shown = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert shown == page(name), "run python -m tests.device_pages"
