"""Where a promised speed-up went: bars that add up, per layer and in total, and what would pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from hwsim.records.comparison import Accuracy, Refusal, Result

Cause: TypeAlias = Literal[
    "fewer_macs",
    "placement",
    "tiles",
    "index",
    "zero_checks",
    "gathers",
    "imbalance",
    "memory_bound",
    "unpacking",
    "numbers",
    "dense_fallback",
    "kernel",
    "fusion",
    "layout",
    "activations",
    "overhead",
]
"""Why a latency differs from its baseline's, in the order of a waterfall:

fewer_macs: fewer effective multiply-accumulates: what was promised.
placement: the cut fell on layers that take more or less of the time than of the MACs.
tiles: extents are rounded up to the kernel's tile, vectors or lanes, or to a format's blocks.
index: finding the stored weights, and the dearer multiplications of a kernel that does.
zero_checks: looking for zeros, and slots that zeros take although they are seen (gating); negative
    where activations of zero are skipped.
gathers: activations that are read at looked-up places miss the caches.
imbalance: lanes, units or elements wait for the one that has most to do.
memory_bound: bytes of weights and activations do not shrink as the MACs do.
unpacking: weights are widened or decoded to dense before they are multiplied.
numbers: other types of numbers are multiplied, faster or slower.
dense_fallback: zeros are stored and multiplied: no kernel takes the format, or none was asked for.
kernel: another kernel runs: a special one that takes only some shapes is lost or won.
fusion: ops that the baseline does not run apart, or that only it does.
layout: tensors are rearranged between kernels of different orders of axes.
activations: reading, gathering into patches and writing activations.
overhead: what every call, launch or inference costs.
"""

CAUSES: tuple[Cause, ...] = get_args(Cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerAttribution:
    """The waterfall of one layer.

    Attributes:
        name: Of the node; of the baseline's where the compressed model has none.
        op: Kind of work.
        before_s: Latency in the baseline; 0 where it has no such layer.
        after_s: Latency in the compressed model; 0 where it has no such layer.
        promised: Effective MACs that are left, over the baseline's; None where nothing multiplies.
        bars_s: Seconds that each cause adds; negative ones save. before_s + their sum = after_s.
        words: One sentence on what held it back; empty where nothing did.
    """

    name: str
    op: str
    before_s: float
    after_s: float
    promised: float | None
    bars_s: Mapping[Cause, float]
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A change that was priced, and judged where there is data.

    Attributes:
        change: What to do, in words.
        recipe: Spec string that does it; empty where it changes single layers.
        layer: The layer that changes; None for all.
        latency_s: Of the whole model then.
        energy_j: Likewise.
        flash_bytes: Likewise.
        accuracy: Of the changed model; None where no labelled data was given.
        fits: Whether the device has the memory for the changed model.
    """

    change: str
    recipe: str = ""
    layer: str | None = None
    latency_s: float
    energy_j: float
    flash_bytes: int
    accuracy: Accuracy | None = None
    fits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Where the speed-up of one result over its baseline went.

    Attributes:
        baseline: The model as it was, on the same device.
        result: The compressed one.
        bars_s: Seconds that each cause adds; the baseline's latency + their sum = the result's.
        layers: In order of execution; layers that only the baseline has stand where they stood.
        verdict: A sentence that answers why, or two.
        advice: What would pay, the fastest first.
        by_density_s: Latency that the densities alone would predict, zeros spread evenly; None
            where no kernel walks a pattern.
    """

    baseline: Result
    result: Result
    bars_s: Mapping[Cause, float]
    layers: tuple[LayerAttribution, ...]
    verdict: str
    advice: tuple[Advice, ...] = ()
    by_density_s: float | None = None

    @property
    def speedup(self) -> float:
        """Baseline's latency over the result's."""
        return self.baseline.latency_s / self.result.latency_s

    @property
    def promised_speedup(self) -> float | None:
        """Baseline's effective multiply-accumulates over the result's; None for none."""
        left = self.result.estimate.macs_effective
        return self.baseline.estimate.macs_effective / left if left else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What `hwsim explain` shows: one attribution per recipe and device.

    Attributes:
        attributions: Those of a device together, in the order asked for.
        refusals: Recipes that a device cannot run, the baseline among them.
        baseline: Recipe asked for as baseline; None where none was, and where a device refuses it:
            an attribution's own baseline is then the recipe without the steps that make it sparse.
        version: Of hwsim.
    """

    attributions: tuple[Attribution, ...]
    refusals: tuple[Refusal, ...] = ()
    baseline: str | None = "none"
    version: str
