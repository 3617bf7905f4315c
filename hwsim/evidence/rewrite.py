"""Rewrite: put what a fit found into the text of profiles, or write an heir that holds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from hwsim.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.profile import Evidence

_CONSTANTS = re.compile(r"^  constants:.*(?:\n   .*)*\n", re.MULTILINE)
_CYCLE = re.compile(r"^(  cycle_pj: )[0-9.e+-]+", re.MULTILINE)
_EVIDENCE = re.compile(r"^evidence:.*(?:\n .*)*\n", re.MULTILINE)
_DIGITS = 4
_WIDTH = 98


def rounded(value: float) -> float:
    """Return a fitted number with as many digits as it is worth."""
    return float(f"{value:.{_DIGITS}g}")


def with_constants(text: str, constants: Mapping[str, float]) -> str:
    """Return a profile's text with other constants.

    Raises:
        MeasurementError: It has no `constants` of its own in `runtime`.
    """
    if not _CONSTANTS.search(text):
        raise MeasurementError("no `constants:` under `runtime:` to put the fitted ones into")
    block = _flow({"constants": {name: rounded(value) for name, value in constants.items()}})
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    return _CONSTANTS.sub(lambda _: indented, text, count=1)


def with_cycle_pj(text: str, cycle_pj: float) -> str:
    """Return a profile's text with another energy of a cycle, where it states one of its own."""
    return _CYCLE.sub(lambda found: f"{found[1]}{cycle_pj}", text, count=1)


def with_scale(text: str, version: str, scale: float) -> str:
    """Return a profile's text with another scale of a version.

    Raises:
        MeasurementError: It says nothing of that version.
    """
    pattern = re.compile(rf'^(    "?{re.escape(version)}"?: {{scale: )[0-9.e+-]+', re.MULTILINE)
    if not pattern.search(text):
        raise MeasurementError(f"no `{version}: {{scale: ...}}` under `runtime: versions:`")
    return pattern.sub(lambda found: f"{found[1]}{rounded(scale)}", text, count=1)


def with_evidence(text: str, evidence: Evidence | None) -> str:
    """Return a profile's text with other evidence, before its sources; without it where None."""
    text = _EVIDENCE.sub("", text)
    if evidence is None:
        return text
    block = _flow({"evidence": evidence.model_dump(mode="json", exclude_none=True)})
    head, mark, tail = text.partition("\nsources:\n")
    return f"{head}\n{block}{mark.lstrip(chr(10))}{tail}" if mark else f"{text}{block}"


def _flow(tree: Mapping[str, Mapping[str, object]]) -> str:
    """Return `key: {...}` in as few lines as fit."""
    ((key, value),) = tree.items()
    body = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=_WIDTH - len(key) - 2
    )
    return f"{key}: {body}"


def heir(
    parent: str,
    name: str,
    description: str,
    runtime: Mapping[str, object],
    sources: Mapping[str, str],
    evidence: Evidence | None,
) -> str:
    """Return the text of a profile that inherits another one and changes its runtime.

    Args:
        parent: Name of the other one, or its path without `.yaml` beside the heir.
        name: Of the heir, as its file will be called.
        description: One line for people.
        runtime: What differs there.
        sources: Of every number in it.
        evidence: Held-out error.
    """
    tree: dict[str, object] = {
        "name": name,
        "description": description,
        "inherits": parent,
        "runtime": dict(runtime),
    }
    if evidence is not None:
        tree["evidence"] = evidence.model_dump(mode="json", exclude_none=True)
    tree["sources"] = dict(sources)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=_WIDTH)
