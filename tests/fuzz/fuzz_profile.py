"""Fuzz the reader of device profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from hwsim.profile import load_profile
from tests.fuzz.target import Target
from tests.fuzz.yaml_damage import damage

SHIPPED = Path(__file__).parents[2] / "device_profiles"
# Large ones take long to read, and hold no other kinds of keys.
_LARGEST = 6_000
_INHERITED = (
    b"inherits: corstone300_tflm\nname: input\ndescription: d\n"
    b"hardware: {clock_hz: 80.0e+6}\nsources: {hardware.clock_hz: 'assumed: x'}\n"
)


def _seeds() -> Iterator[bytes]:
    """Give small profiles that stand alone, under the name of the file that holds the input."""
    for path in sorted(SHIPPED.glob("*.yaml")):
        content = path.read_text(encoding="utf-8")
        if len(content) <= _LARGEST and "\ninherits:" not in content:
            yield content.replace(f"name: {path.stem}", "name: input", 1).encode()
    yield _INHERITED


def _odd() -> Iterator[bytes]:
    # YAML reads a number without a point as a text.
    yield _INHERITED.replace(b"80.0e+6", b"80e6")


def _read(path: Path) -> object:
    return load_profile(str(path))


def _words() -> tuple[str, ...]:
    found = set[str]()
    waiting: list[Any] = [yaml.safe_load(content) for content in _seeds()]
    for tree in waiting:
        if type(tree) is dict:
            keys = cast("dict[Any, Any]", tree)
            found.update(key for key in keys if type(key) is str)
            waiting += keys.values()
        elif type(tree) is list:
            waiting += cast("list[Any]", tree)
    return tuple(sorted(found))


WORDS = _words()
TARGET = Target(
    name="profile",
    suffix=".yaml",
    seeds=_seeds,
    read=_read,
    mutate=damage(WORDS),
    words=WORDS,
    odd=_odd,
)
