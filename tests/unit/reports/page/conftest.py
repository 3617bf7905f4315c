"""A headless browser that has no network and forgives no error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from hwsim.records import Study
from reports.page import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS: Final = 30_000

Opener: TypeAlias = "Callable[..., Page]"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a running Chromium; tests are skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}")
    with api.sync_playwright() as started:
        running = started.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Return `opened(study, theme="light", width=1280) -> Page`, drawn, from a file, offline.

    At the end of the test no page may have written to its console, thrown, or asked for a file.
    """
    faults: list[str] = []

    def open_(study: Study | str, theme: str = "light", width: int = 1280) -> Page:
        path = tmp_path / f"page{len(list(tmp_path.iterdir()))}.html"
        path.write_text(study if isinstance(study, str) else render(study), encoding="utf-8")
        context = browser.new_context(
            offline=True,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: faults.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
        own = path.as_uri()

        def asked(url: str) -> None:
            if url.partition("#")[0] != own and not url.startswith(("data:", "blob:")):
                faults.append(f"asked for {url}")

        page.on("request", lambda request: asked(request.url))
        page.goto(own)
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_
    for context in browser.contexts:
        context.close()
    assert faults == []
