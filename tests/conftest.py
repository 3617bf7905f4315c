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

# Rooms whose own code runs no kernel: that kernels are interpreted or bounds-checked tells nothing
# there, and takes minutes.
_WITHOUT_KERNELS: Final = (
    "fuzz/",
    "laws/test_api.py",
    "laws/test_detail.py",
    "laws/test_device_pages.py",
    "laws/test_energy_table.py",
    "laws/test_evidence.py",
    "laws/test_facts_",
    "laws/test_house.py",
    "laws/test_measurements.py",
    "laws/test_memory_planner.py",
    "laws/test_profiles.py",
    "laws/test_reports.py",
    "laws/test_repricing",
    "laws/test_schemas.py",
    "test_docs.py",
    "test_examples.py",
    "unit/cli/",
    "unit/evidence/",
    "unit/explain/",
    "unit/profile/",
    "unit/records/",
    "unit/reports/",
    "unit/repricing/",
    "unit/search/",
    "unit/store/",
    "unit/sweeps/",
)

Golden: TypeAlias = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden texts anew; read the difference before committing it",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what the runs with kernels interpreted or bounds-checked can leave out."""
    folder = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(folder).as_posix()
        if place.startswith(_WITHOUT_KERNELS):
            item.add_marker(pytest.mark.slow)


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
