"""The Python interface as HTML, by pdoc: `python -m tests.api_reference` (`make docs`)."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pdoc
from pdoc import render

from tests.api_page import PACKAGES, names_of

FOLDER = Path(__file__).parents[1] / "build" / "docs"


def write(folder: Path) -> None:
    """Write a page per public package, and an index, into `folder`."""
    render.configure(docformat="google", footer_text="hwsim")
    specs: list[str] = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        # pdoc looks for names where they are, not for those that are imported when first used.
        vars(module).update({name: getattr(module, name) for name in names_of(package)})
        # What lies in a package is shown where the package offers it, and only there.
        specs += [package, rf"!^{re.escape(package)}\."]
    pdoc.pdoc(*specs, output_directory=folder)


if __name__ == "__main__":
    write(FOLDER)
