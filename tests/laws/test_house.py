"""Rules of the house that can be tested: tables are complete, files small, words in place."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import compressors
import hwsim
import hwsim.formats
import hwsim.interchange.files
import hwsim.ops
import reports
from hwsim.interchange._op_fields import CHECKS

ROOT = Path(__file__).parents[2]
PACKAGES = ("hwsim", "compressors", "reports")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
EVERYTHING = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *(ROOT / "examples").rglob("*.py")]
MOST_LINES = 250


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


sources = pytest.mark.parametrize("path", SOURCES, ids=name_of)


def classes_with(package: str, *members: str) -> set[type]:
    """Return the public classes, defined in the files of `package`, that have all `members`."""
    found: set[type] = set()
    module = importlib.import_module(package)
    for info in pkgutil.iter_modules(module.__path__, f"{package}."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        entries = vars(importlib.import_module(info.name)).values()
        found |= {
            entry
            for entry in entries
            if isinstance(entry, type)
            and entry.__module__ == info.name
            and all(hasattr(entry, member) for member in members)
        }
    return found


def test_every_op_is_in_the_table() -> None:
    assert classes_with("hwsim.ops", "infer", "reference", "prepare") == set(hwsim.ops.OPS)
    assert list(hwsim.ops.OPS) == sorted(hwsim.ops.OPS, key=lambda op: op.__name__)


def test_every_storage_format_is_in_the_table() -> None:
    kinds = classes_with("hwsim.formats", "pack", "unpack")
    assert kinds == {type(fmt) for fmt in hwsim.formats.FORMATS}


def test_every_compressor_is_in_the_table() -> None:
    steps = classes_with("compressors", "apply", "name", "data_need")
    assert steps == set(compressors.COMPRESSORS)


def test_every_report_is_in_the_table() -> None:
    assert classes_with("reports", "render") == {type(report) for report in reports.REPORTS}


def test_every_file_format_is_in_the_table() -> None:
    files = (ROOT / "hwsim" / "interchange").glob("*.py")
    doors = {
        function.name
        for path in files
        if not path.name.startswith("_")
        for function in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef) and function.name.startswith(("read_", "write_"))
    }
    table = ast.parse((ROOT / "hwsim" / "interchange" / "files.py").read_text(encoding="utf-8"))
    named = {node.id for node in ast.walk(table) if isinstance(node, ast.Name)}
    assert doors
    assert doors <= named
    suffixes = [entry.suffix for entry in hwsim.interchange.files.FORMATS]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_offers_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert all(hasattr(module, name) for name in module.__all__)


def test_every_field_of_an_op_can_be_read_from_a_file() -> None:
    for op in hwsim.ops.OPS:
        assert is_dataclass(op)
        undefined = {str(field.type) for field in fields(op)} - set(CHECKS)
        assert not undefined, f"{op.kind}: no check for {undefined} in interchange/_op_fields.py"


def test_ops_are_frozen() -> None:
    for op in hwsim.ops.OPS:
        assert getattr(op, "__dataclass_params__").frozen, op.kind  # noqa: B009


@sources
def test_files_are_not_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: it waits for a noun to be split by"


def undocumented(body: list[ast.stmt], where: str) -> list[str]:
    """Return the public functions and classes without a docstring, those inside classes too."""
    missing: list[str] = []
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        is_shown = not node.name.startswith("_") or node.name in ("__call__", "__str__")
        if is_shown and ast.get_docstring(node) is None:
            missing.append(where + node.name)
        if isinstance(node, ast.ClassDef) and is_shown:
            missing += undocumented(node.body, f"{where}{node.name}.")
    return missing


@sources
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the first sentence says what lives here"
    assert undocumented(tree.body, "") == []


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hwsim.__version__ == project["version"]


def imported(path: Path) -> set[str]:
    """Return the top packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            names.add((node.module or "").partition(".")[0])
    return names


def test_only_jit_imports_numba() -> None:
    assert [name_of(path) for path in EVERYTHING if "numba" in imported(path)] == ["hwsim/jit.py"]


def test_the_shipped_packages_never_import_the_tests() -> None:
    assert [name_of(path) for path in SOURCES if imported(path) & {"tests", "pytest"}] == []
