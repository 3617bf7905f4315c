"""The names of docs/api.md, from what the packages offer: `python -m tests.api_page`."""

from __future__ import annotations

import importlib
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
_OPEN, _CLOSE = "<!-- names -->\n", "<!-- /names -->"

PACKAGES = {
    "hwsim": "load, compress, price, run, save",
    "compressors": "recipes and their steps",
    "hwsim.profile": "device profiles",
    "hwsim.records": "what evaluation, explanation and sweeps return",
    "hwsim.store": "results in a file, kept as they come",
    "hwsim.sweeps": "many models, recipes and devices at once",
    "hwsim.search": "what to build",
    "hwsim.repricing": "new prices for what was counted before",
    "hwsim.errors": "what may be raised",
    "reports": "renderings",
}
"""The public packages, and what each is for."""


def names_of(package: str) -> tuple[str, ...]:
    """Return what a package offers: `__all__`, or all that a module defines in public."""
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == package
        ]
    return tuple(sorted(listed, key=str.lower))


def page() -> str:
    """Return the page with the names as they must be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_OPEN)
    lines = [
        f"| `{package}` | {purpose} | {', '.join(f'`{name}`' for name in names_of(package))} |\n"
        for package, purpose in PACKAGES.items()
    ]
    return before + _OPEN + "".join(lines) + _CLOSE + rest.partition(_CLOSE)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
