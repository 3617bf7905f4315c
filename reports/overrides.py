"""Overrides as people read them: `clock_hz=80e6` for `hardware.clock_hz=80000000.0`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reports.labels import batch_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Comparison, Refusal, Result

LISTED: Final = 4
"""More values of a key than this are told by the first and the last."""
SHORTENED: Final = 1e4
"""Whole numbers below this are short as they are."""


def shortened(comparison: Comparison) -> Comparison:
    """Return the comparison with short overrides; those that would become equal stay as they are.

    A key loses its path where no other key of the comparison ends alike.
    """
    texts = _texts(comparison)
    keys = dict.fromkeys(text.partition("=")[0] for text in texts)
    ends = [_end(key) for key in keys]
    short = {
        text: "".join((_end(key) if ends.count(_end(key)) == 1 else key, sign, _value(value)))
        for text in texts
        for key, sign, value in [text.partition("=")]
    }
    made = list(short.values())
    names = {text: text if made.count(label) > 1 else label for text, label in short.items()}
    return replace(
        comparison,
        results=tuple(replace(r, overrides=_named(r, names)) for r in comparison.results),
        refusals=tuple(replace(r, overrides=_named(r, names)) for r in comparison.refusals),
    )


def spelled_out(comparison: Comparison) -> list[str]:
    """Return a line per key that `shortened` cuts, given the comparison with its full keys."""
    before, after = _texts(comparison), _texts(shortened(comparison))
    keys = {
        short.partition("=")[0]: full.partition("=")[0]
        for full, short in zip(before, after, strict=True)
    }
    return [f"{short}: the profile's {full}." for short, full in keys.items() if short != full]


def grouped(cells: Sequence[Result | Refusal]) -> list[str]:
    """Return devices, one that comes with several overrides once: `m7 [clock_hz=80e6, 160e6]`."""
    groups: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], None]] = {}
    for cell in cells:
        batch = batch_of(cell)
        settings = (*cell.overrides, *(() if batch == 1 else (f"batch={batch}",)))
        keys = tuple(text.partition("=")[0] for text in settings)
        groups.setdefault((cell.device, keys), {})[settings] = None
    return [_group(device, keys, tuple(found)) for (device, keys), found in groups.items()]


def _group(device: str, keys: tuple[str, ...], found: tuple[tuple[str, ...], ...]) -> str:
    if not keys:
        return device
    if len(keys) == 1:
        values = [text.partition("=")[2] for (text,) in found]
        told = f"{values[0]} .. {values[-1]}" if len(values) > LISTED else ", ".join(values)
        sign = "=" if "=" in found[0][0] else ""
        return f"{device} [{keys[0]}{sign}{told}]"
    if len(found) > LISTED:
        return f"{device} [{len(found)} settings of {', '.join(keys)}]"
    return f"{device} [{'; '.join(', '.join(overrides) for overrides in found)}]"


def _texts(comparison: Comparison) -> list[str]:
    cells = (*comparison.results, *comparison.refusals)
    return list(dict.fromkeys(text for cell in cells for text in cell.overrides))


def _named(cell: Result | Refusal, names: dict[str, str]) -> tuple[str, ...]:
    return tuple(names[text] for text in cell.overrides)


def _end(key: str) -> str:
    return key.rpartition(".")[2] or key


def _value(text: str) -> str:
    """Return a number in engineering notation where that is exact and shorter: `80e6`."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    candidates = [text, f"{value:g}"]
    if value and not 1 <= abs(value) < SHORTENED:
        exponent = 3 * math.floor(math.log10(abs(value)) / 3)
        candidates.append(f"{float(f'{value / 10.0**exponent:.12g}'):.12g}e{exponent}")
    exact = [each for each in candidates if float(each) == value]
    # The last is the most regular of equally short ones.
    return min(reversed(exact), key=len)
