"""Names as people read them: devices with their overrides, recipes short enough for a column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Comparison, Refusal, Result

SHORT: Final = 26
"""Characters up to which a recipe stays as it is."""
SETTING: Final = re.compile(r"[A-Za-z_]+=")
BREAKS: Final = re.compile(r"[^_\-,= ]*[_\-,= ]|[^_\-,= ]+")
SETTINGS: Final = re.compile(r"[^ ,|{}]*[ ,|{}]*")
"""A setting, and what parts it from the next one."""
PARTING: Final = " ,|{"
MORE: Final = " …"
HASH_DIGITS: Final = 12


def device_label(result: Result | Refusal) -> str:
    """Return the device, and what is laid over its profile and how large a batch is, if any."""
    batch = batch_of(result)
    settings = (*result.overrides, *(() if batch == 1 else (f"batch {batch}",)))
    return f"{result.device} [{', '.join(settings)}]" if settings else result.device


def batch_of(cell: Result | Refusal) -> int:
    """Return how many samples an inference has; a refusal tells in its reason, if it matters."""
    batch: int = getattr(cell, "batch", 1)
    return batch


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


def cut_labels(labels: Mapping[str, str], length: int) -> dict[str, str]:
    """Return the labels cut to `length`; those that become equal start with their number."""
    cut = {name: _cut(label, length) for name, label in labels.items()}
    texts = list(cut.values())
    return {
        name: label if texts.count(label) == 1 else _cut(f"{i} {labels[name]}", length)
        for i, (name, label) in enumerate(cut.items(), 1)
    }


def folded(name: str, length: int) -> tuple[str, ...]:
    """Return `name` in lines of about `length`, broken behind `_`, `-`, `=`, comma or space."""
    lines = [""]
    for piece in BREAKS.findall(name):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > length:
            lines.append("")
        lines[-1] += piece
    return tuple(line.strip() for line in lines)


def _values_only(spec: str) -> str:
    bare = SETTING.sub("", spec).replace("{", " ").replace("}", "").replace(",", " ")
    return " | ".join(step.strip() for step in bare.split("|"))


def _cut(label: str, length: int) -> str:
    """Return as many whole settings as there is room for; the middle left out if not even one."""
    if len(label) <= length:
        return label
    ends = [found.end() for found in SETTINGS.finditer(label)]
    heads = [label[:end].rstrip(PARTING) for end in ends]
    fitting = [head for head in heads if head and len(head) + len(MORE) <= length]
    return fitting[-1] + MORE if fitting else shorten(label, length)


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


def digests(comparison: Comparison) -> tuple[str, ...]:
    """Return one short line per profile: its name, digest and trust."""
    lines = (
        f"{device_label(r)} {r.profile_sha256[:HASH_DIGITS]} {trust(r)}" for r in comparison.results
    )
    return tuple(dict.fromkeys(lines))


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
    return f"{word}, x/{below:.3g} .. x{above:.3g}"
