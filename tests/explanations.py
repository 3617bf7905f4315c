"""An explanation made by hand: two devices, hostile names, advice, a refusal and a stand-in."""

from __future__ import annotations

from hwsim.records import (
    Accuracy,
    Advice,
    Attribution,
    Cause,
    Explanation,
    LayerAttribution,
    Refusal,
    Result,
    StepEstimate,
)
from tests.comparisons import BASELINE, DEVICES, HOSTILE, KWS, NARROW, PRUNED, result

SHARES: dict[Cause, float] = {
    "dense_fallback": 0.8,
    "activations": 0.196,
    "overhead": 0.0035,
    "gathers": 0.0005,
}
"""How what was promised and did not come is spread over causes; the last two are small."""


def bars(before_s: float, after_s: float, left: float | None) -> dict[Cause, float]:
    """Return bars that add up to what lies between the two."""
    promised_s = before_s * ((1.0 if left is None else left) - 1)
    lost_s = after_s - before_s - promised_s
    found: dict[Cause, float] = {"fewer_macs": promised_s}
    found.update({cause: share * lost_s for cause, share in SHARES.items()})
    return found


def layer(before: StepEstimate, after: StepEstimate) -> LayerAttribution:
    """Return the waterfall of one layer, with words that no page may take as its own."""
    macs = before.counts.macs_effective
    left = after.counts.macs_effective / macs if macs else None
    return LayerAttribution(
        name=before.name,
        op=before.op,
        before_s=before.latency_s,
        after_s=after.latency_s,
        promised=left,
        bars_s=bars(before.latency_s, after.latency_s, left),
        words="zeros <b>stay</b> | and *cost*" if macs else "",
    )


def advice(changed: Result) -> tuple[Advice, ...]:
    """Return two changes, one with a recipe and an accuracy."""
    return (
        Advice(
            change="remove whole filters | <i>rounded</i>",
            recipe="prune{structure=filter,sparsity=0.5}|quantize",
            latency_s=changed.latency_s / 2.5,
            energy_j=changed.energy_j / 2,
            flash_bytes=changed.flash_bytes // 2,
            accuracy=Accuracy(top1=0.887, n=1000),
        ),
        Advice(
            change="store ds_1/pw as csr: saves 4 %",
            layer="ds_1/pw",
            latency_s=changed.latency_s / 1.04,
            energy_j=changed.energy_j,
            flash_bytes=changed.flash_bytes,
        ),
    )


def attribution(before: Result, after: Result) -> Attribution:
    """Return bars, layers and words for a pair of results."""
    steps = zip(before.estimate.steps, after.estimate.steps, strict=True)
    left = after.estimate.macs_effective / before.estimate.macs_effective
    return Attribution(
        baseline=before,
        result=after,
        bars_s=bars(before.latency_s, after.latency_s, left),
        layers=tuple(layer(*pair) for pair in steps),
        verdict="8.40x fewer effective MACs, equally fast: <zeros> are multiplied.",
        advice=advice(after),
        by_density_s=1.25 * after.latency_s,
    )


def explanation(model: str = KWS) -> Explanation:
    """Return two recipes on two devices; the last chapter has another baseline."""
    found = [
        attribution(
            result(device, BASELINE, model, 1, 0.918), result(device, recipe, model, 1, 0.897)
        )
        for device in DEVICES[:2]
        for recipe in (PRUNED, NARROW)
    ]
    gpu = DEVICES[2]
    found.append(
        attribution(result(gpu, NARROW, model, 1, None), result(gpu, PRUNED, model, 1, None))
    )
    refused = Refusal(
        model=model,
        recipe=BASELINE,
        device=gpu.name,
        overrides=gpu.overrides,
        reason="conv_1: no kernel for <b>8-bit</b> weights; quantize it",
    )
    return Explanation(
        attributions=tuple(found), refusals=(refused,), baseline=BASELINE, version="0.1.0"
    )


def hostile() -> Explanation:
    """Return the same with a model whose name is markup."""
    return explanation(HOSTILE)
