"""Words: one sentence on what held a layer back most, with the figures that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.explain.bars import walks
from hwsim.explain.figures import (
    COSTS,
    head_of,
    held_against,
    name_of,
    of_zero_checks,
    percent,
    subject_of,
    times,
)
from hwsim.explain.lanes import empty_lanes
from hwsim.explain.launches import longer_call
from hwsim.explain.terms import cause_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.explain.layers import Layer, Side
    from hwsim.records import Cause, StepEstimate

_LEAST: Final = 0.05
"""Share of a layer's time below which a cause is not worth a sentence."""


def words_of(layer: Layer, bars_s: Mapping[Cause, float], device_class: str) -> str:
    """Return one sentence, to stand behind the layer's name; empty where nothing held it back.

    It speaks of the cause that costs most, and only of what the records show.
    """
    lost: dict[Cause, float] = {
        cause: s for cause, s in bars_s.items() if s > 0 and cause != "fewer_macs"
    }
    after_s = layer.after.seconds
    if not lost or not after_s:
        return ""
    worst = max(lost, key=lambda cause: lost[cause])
    if lost[worst] < _LEAST * after_s:
        return ""
    share = f"{percent(min(1.0, lost[worst] / after_s))} of its time"
    if not layer.is_common:
        return "the baseline does not run it"
    # A kernel that is dearer to start loses what its multiplications may have won.
    said = longer_call(layer.before.steps, layer.after.steps, lost[worst], worst)
    if not said and worst in _SENTENCES:
        said = _SENTENCES[worst](layer)
    return f"{said or _usual(worst, layer, device_class)} ({share})"


def _usual(cause: Cause, layer: Layer, device_class: str) -> str:
    """Return what a cause does in any layer."""
    subject = subject_of(cause, device_class)
    if not subject:
        return COSTS[cause]
    spent = [
        sum(s for term, s in side.terms_s.items() if cause_of(term) == cause)
        for side in (layer.before, layer.after)
    ]
    return held_against(subject, layer.left, (spent[0], spent[1]))


def _dense_fallback(layer: Layer) -> str:
    step = layer.after.main
    if not step.counts.macs:
        return ""
    zeros = percent(1 - step.counts.macs_effective / step.counts.macs)
    if step.executed_as == "dense_fallback":
        return f"{zeros} of its weights are zero, executed dense: {head_of(step)}"
    if step.format == "dense":
        return f"{zeros} of its weights are zero and multiplied: no sparse format was asked for"
    return f"{zeros} of its weights are zero, and {step.format} stores them all"


def _tiles(layer: Layer) -> str:
    step = layer.after.main
    counts = step.counts
    zeros = counts.macs_executed - counts.macs_effective
    if walks(step) and zeros > counts.macs_padding:
        share = percent(zeros / counts.macs_executed)
        return f"{share} of the weights that {step.format} stores are zero"
    if not counts.macs_padding or not counts.macs_executed:
        return ""
    if counts.macs_executed < counts.macs and not counts.transforms:
        share = percent(counts.macs_padding / counts.macs_issued)
        if empty := empty_lanes(step):
            lanes = step.channels[1] + empty
            return f"{empty} of {lanes} lanes have no output channel"
        return f"{share} of the slots hold a zero, or fill up a vector or tile"
    ratio = 1 + counts.macs_padding / counts.macs_executed
    if ratio < 2:
        work = f"adds {percent(ratio - 1)} more multiplications, on padding"
    else:
        work = f"does {times(ratio)} the multiplications, the rest on padding"
    cost = f"rounding up to the kernel's tile {work}"
    run = _rounded(step)
    return cost if run is None else f"{run}: {cost}"


def _rounded(step: StepEstimate) -> str | None:
    """Return `51 output channels run as 52`, if that alone is what was rounded up."""
    counts, names = step.counts, ("input", "output")
    if counts.macs_executed != counts.macs:
        return None
    for which in ((1,), (0,), (0, 1)):
        exact, issued, parts = counts.macs, counts.macs, list[str]()
        for side in which:
            channels, tile = step.channels[side], step.channel_tile[side]
            up = -(-channels // tile) * tile
            exact, issued = exact * channels, issued * up
            parts.append(f"{channels} {names[side]} channels run as {up}")
        # The issued slots over the needed ones must be the ratio of the channels.
        if exact < issued and (counts.macs + counts.macs_padding) * exact == issued * counts.macs:
            return " and ".join(parts)
    return None


def _imbalance(layer: Layer) -> str:
    step = layer.after.main
    if not step.counts.macs_idle:
        return ""
    idle = percent(step.counts.macs_idle / step.counts.macs_issued)
    is_dense = step.counts.transforms or step.counts.macs_executed == step.counts.macs
    if is_dense and not walks(step):
        return f"{idle} of the slots do nothing: units wait for the last one, or have no work"
    return f"{idle} of the slots do nothing: lanes wait for the one with most weights"


def _index(layer: Layer) -> str:
    step = layer.after.main
    found_s = layer.after.terms_s.get("index", 0.0)
    if found_s >= layer.after.seconds * _LEAST and step.counts.nonzeros:
        return f"{step.counts.nonzeros:,} times the place of a {step.format} weight is looked up"
    ratio = _dearer(layer)
    if ratio is None or ratio <= 1:
        return ""
    return f"a multiplication by a {step.format} weight takes {times(ratio)} one by a dense weight"


def _zero_checks(layer: Layer) -> str:
    said, step = of_zero_checks(layer.before.steps, layer.after.steps), layer.after.main
    if said.startswith("each activation") and (empty := empty_lanes(step)):
        return f"{said}; {empty} elements have no output channel"
    return said


def _gathers(layer: Layer) -> str:
    counts = layer.after.main.counts
    lines = ", ".join(f"{n:,} lines from {memory}" for memory, n in counts.gather_misses.items())
    return f"{counts.gathers:,} reads at looked-up places fetch {lines}" if lines else ""


def _unpacking(layer: Layer) -> str:
    step = layer.after.main
    return head_of(step) if step.executed_as == "decoded" else ""


def _numbers(layer: Layer) -> str:
    own, other = layer.after.main.types, layer.before.main.types
    return f"{name_of(own)} instead of {name_of(other)}" if own != other else ""


def _kernel(layer: Layer) -> str:
    own, other = layer.after.main, layer.before.main
    if own.kernel == other.kernel:
        return ""
    said = f"runs on kernel {own.kernel!r}, the baseline on {other.kernel!r}"
    if own.channels != other.channels and all(own.channels):
        said += f" ({own.channels[0]} to {own.channels[1]} channels)"
    ratio = _dearer(layer)
    return said if ratio is None or ratio <= 1 else f"{said}, at {times(ratio)} per multiplication"


def _layout(layer: Layer) -> str:
    order = layer.after.main.layout
    return f"its input is rearranged to {order}, as its kernel needs it" if order else ""


def _overhead(layer: Layer) -> str:
    own, other = len(layer.after.steps), len(layer.before.steps)
    return f"{own} calls where the baseline has {other}" if own > other else ""


def _dearer(layer: Layer) -> float | None:
    """Return the time of a multiplication over the baseline's, Winograd's savings included."""

    def of_one(side: Side) -> float | None:
        slots = sum(
            s.counts.macs if s.counts.transforms else s.counts.macs_executed for s in side.steps
        )
        return side.terms_s.get("mac", 0.0) / slots if slots else None

    own, other = of_one(layer.after), of_one(layer.before)
    return own / other if own and other else None


_SENTENCES: Final[Mapping[Cause, Callable[[Layer], str]]] = {
    "dense_fallback": _dense_fallback,
    "tiles": _tiles,
    "imbalance": _imbalance,
    "index": _index,
    "zero_checks": _zero_checks,
    "gathers": _gathers,
    "unpacking": _unpacking,
    "numbers": _numbers,
    "kernel": _kernel,
    "layout": _layout,
    "overhead": _overhead,
}
