"""Read spec strings: `step{key=value,...}|step|...` as names and texts."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, TypeAlias

from hwsim.errors import RecipeError

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*", re.ASCII)
_KEY = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*", re.ASCII)
_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")\s*')
_PLAIN = re.compile(r'([^,{}|="]*)')
_SHAPE = "step{setting=value,...}|step, such as prune{sparsity=0.9}|quantize"

RawStep: TypeAlias = "tuple[str, dict[str, str]]"
"""Name of a step, and its settings as text."""


class _Read(NamedTuple):
    """A piece of text, and where reading goes on."""

    text: str
    end: int


def read_spec(spec: str) -> list[RawStep]:
    """Return the steps that `spec` names, unchecked.

    Raises:
        RecipeError: It is not of the shape `step{key=value,...}|step|...`.
    """
    if not spec.strip():
        raise RecipeError(f"recipe: expected {_SHAPE}, got nothing; 'none' leaves a model as it is")
    steps: list[RawStep] = []
    at = 0
    while True:
        name, at = _take(_NAME, spec, at, "the name of a step")
        settings: dict[str, str] = {}
        if spec.startswith("{", at):
            settings, at = _settings(spec, at + 1, name)
        steps.append((name, settings))
        if at == len(spec):
            return steps
        if spec[at] != "|":
            raise _unexpected(spec, at, "'|' or the end")
        at += 1


def _settings(spec: str, at: int, step: str) -> tuple[dict[str, str], int]:
    """Return the settings from behind `{`, and where reading goes on behind `}`."""
    settings: dict[str, str] = {}
    empty = re.compile(r"\s*\}\s*").match(spec, at)
    if empty:
        return settings, empty.end()
    while True:
        key, at = _take(_KEY, spec, at, f"setting=value of {step}")
        if key in settings:
            raise RecipeError(f"recipe: {step}.{key} is set twice; expected each setting once")
        settings[key], at = _value(spec, at)
        if spec.startswith("}", at):
            end = re.compile(r"\s*").match(spec, at + 1)
            return settings, end.end() if end else at + 1
        if not spec.startswith(",", at):
            raise _unexpected(spec, at, f"',' or '}}' after {step}.{key}")
        at += 1


def _value(spec: str, at: int) -> _Read:
    quoted = _QUOTED.match(spec, at)
    if quoted is None:
        plain, end = _take(_PLAIN, spec, at, "a value")
        return _Read(plain.strip(), end)
    try:
        return _Read(str(json.loads(quoted[1])), quoted.end())
    except ValueError as error:
        raise _unexpected(spec, at, f"a quoted value ({error})") from error


def _take(pattern: re.Pattern[str], spec: str, at: int, expected: str) -> _Read:
    match = pattern.match(spec, at)
    if match is None:
        raise _unexpected(spec, at, expected)
    return _Read(match[1], match.end())


def _unexpected(spec: str, at: int, expected: str) -> RecipeError:
    got = repr(spec[at : at + 20]) if at < len(spec) else "the end"
    return RecipeError(f"recipe: at character {at + 1}: expected {expected}, got {got} ({_SHAPE})")
