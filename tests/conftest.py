"""Options, profiles and fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from hypothesis import settings

GOLDEN: Final = Path(__file__).parent / "golden"

# Compiling a kernel takes seconds, so a first example may; what failed is printed to be repeated.
settings.register_profile("hwsim", deadline=None, print_blob=True)
settings.load_profile("hwsim")

Golden: TypeAlias = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden texts anew; read the difference before committing it",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return a check that a text equals the file of that name in tests/golden."""
    is_update = bool(request.config.getoption("--update-golden"))

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if is_update:
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"no golden text {name}; write it with --update-golden"
        with path.open(encoding="utf-8", newline="") as file:
            assert text == file.read(), f"{name} differs; if meant, run with --update-golden"

    return check
