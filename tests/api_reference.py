"""The Python interface as HTML, by pdoc: `python -m tests.api_reference` (`make docs`)."""

from __future__ import annotations

import re
from pathlib import Path

import pdoc
from pdoc import render

from tests.api_page import PACKAGES

FOLDER = Path(__file__).parents[1] / "build" / "docs"


def write(folder: Path) -> None:
    """Write a page per public package, and an index, into `folder`."""
    render.configure(docformat="google", footer_text="hwsim")
    specs: list[str] = []
    for package in PACKAGES:
        # What lies in a package is shown where the package offers it, and only there.
        specs += [package, rf"!^{re.escape(package)}\."]
    pdoc.pdoc(*specs, output_directory=folder)


if __name__ == "__main__":
    write(FOLDER)
