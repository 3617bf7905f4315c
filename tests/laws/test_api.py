"""Every public name is listed, documented and shown by `make docs`."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from tests.api_page import PACKAGES, PAGE, names_of, page

NAMES = [(package, name) for package in PACKAGES for name in names_of(package)]
# A parameter that no reader takes for anything else.
_SELF = ("self", "cls")


def public(package: str, name: str) -> Any:
    return getattr(importlib.import_module(package), name)


def test_the_page_lists_what_is_offered() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.api_page"


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_function_and_class_is_documented(package: str, name: str) -> None:
    value = public(package, name)
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return  # A constant or an alias: its text stands below it in the source.
    text = inspect.getdoc(value) or ""
    assert text.endswith((".", ":", ")")) or "\n" in text, f"{package}.{name} says nothing"
    if inspect.isfunction(value):
        parameters = inspect.signature(value).parameters.values()
        assert all(p.annotation is not p.empty for p in parameters if p.name not in _SELF)
        assert inspect.signature(value).return_annotation is not inspect.Signature.empty


# What reports are is said once, by their protocol.
@pytest.mark.parametrize(("package", "name"), [one for one in NAMES if one[0] != "reports"])
def test_classes_say_what_their_fields_are(package: str, name: str) -> None:
    value = public(package, name)
    fields = getattr(value, "__dataclass_fields__", None) or getattr(value, "model_fields", {})
    if not inspect.isclass(value) or not fields or name in ("Recipe", "Compressor"):
        return
    told = " ".join(base.__doc__ or "" for base in value.__mro__)
    missing = [
        field
        for field in fields
        if not field.startswith("_") and not re.search(rf"^\s+{field}: ", told, re.M)
    ]
    assert missing == []


@pytest.mark.slow
# An alias that is a text cannot be linked to; it is shown as it is written.
@pytest.mark.filterwarnings("ignore:Error parsing type annotation:UserWarning")
def test_the_reference_shows_every_name(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="pdoc is not installed (pip install '.[dev]')")
    from tests.api_reference import write

    write(tmp_path)
    for package in PACKAGES:
        path = tmp_path / f"{package.replace('.', '/')}.html"
        html = path.read_text(encoding="utf-8")
        missing = [name for name in names_of(package) if f'id="{name}"' not in html]
        assert missing == [], package
