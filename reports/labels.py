"""Names as people read them: devices with their overrides, recipes short enough for a column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hwsim.records import Comparison, Refusal, Result

SHORT: Final = 26
"""Characters up to which a recipe stays as it is."""
SETTING: Final = re.compile(r"[A-Za-z_]+=")
HASH_DIGITS: Final = 12


def device_label(result: Result | Refusal) -> str:
    """Return the device, and the overrides laid over its profile, if any."""
    overrides = ", ".join(result.overrides)
    return f"{result.device} [{overrides}]" if overrides else result.device


def device_labels(comparison: Comparison) -> tuple[str, ...]:
    """Return each device once, in the order asked for."""
    return tuple(dict.fromkeys(device_label(result) for result in comparison.results))


def recipes(comparison: Comparison) -> tuple[str, ...]:
    """Return each recipe once, the baseline first."""
    names = dict.fromkeys(result.recipe for result in comparison.results)
    return tuple(sorted(names, key=lambda name: name != comparison.baseline))


def short_recipes(comparison: Comparison) -> dict[str, str]:
    """Return a shorter label of each recipe, refused ones too; all labels differ.

    `prune{structure=unstructured,sparsity=0.9}|quantize{weights=8}` becomes
    `prune unstructured 0.9 | quantize 8`. Labels that would be equal stay spelled out.
    """
    names = (*recipes(comparison), *(refusal.recipe for refusal in comparison.refusals))
    spelled = list(dict.fromkeys(names))
    short = {name: name if len(name) <= SHORT else _values_only(name) for name in spelled}
    labels = list(short.values())
    # A label may also equal another recipe's whole name, which is then in `labels` as well.
    return {name: name if labels.count(label) > 1 else label for name, label in short.items()}


def _values_only(spec: str) -> str:
    bare = SETTING.sub("", spec).replace("{", " ").replace("}", "").replace(",", " ")
    return " | ".join(step.strip() for step in bare.split("|"))


def shorten(text: str, length: int) -> str:
    """Return `text`, its middle left out where it is longer than `length`."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    tail = length - 1 - head
    return f"{text[:head]}…{text[len(text) - tail :]}"


def profiles(comparison: Comparison) -> tuple[str, ...]:
    """Return one line per profile: its name, digest, runtime, numerics and trust."""
    return tuple(dict.fromkeys(_profile(result) for result in comparison.results))


def _profile(result: Result) -> str:
    return (
        f"{device_label(result)} ({result.profile_sha256[:HASH_DIGITS]}): {result.runtime}, "
        f"numerics {result.numerics}, {trust(result)}"
    )


def trust(result: Result) -> str:
    """Return whether evidence backs the latency, and how wide its interval is."""
    word = "calibrated" if result.is_calibrated else "uncalibrated"
    low_s, high_s = result.estimate.latency_low_s, result.estimate.latency_high_s
    if not low_s > 0 or not result.latency_s > 0:
        return word
    below, above = result.latency_s / low_s, high_s / result.latency_s
    return f"{word} (interval x/{below:.3g} .. {above:.3g}x)"
