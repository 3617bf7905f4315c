"""Held-out predictions: every row predicted by a fit that did not see it, nor its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.evidence.fit import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hwsim.evidence.design import Sample
    from hwsim.evidence.fit import System
    from hwsim.profile import FitPlan

Prediction: TypeAlias = "tuple[Sample, float]"
"""A row, and the seconds that were predicted for it."""


def group_of(sample: Sample, plan: FitPlan) -> str:
    """Return what is left out together with a row."""
    row = sample.measurement
    return {"row": row.where, "network": row.network, "topology": row.topology}[plan.leave_out]


def by_group(
    samples: Sequence[Sample],
    plan: FitPlan,
    constants: Mapping[str, float],
    anchor: tuple[System, float] | None,
) -> list[Prediction]:
    """Return every row predicted without its group, which is left out of every system.

    A row whose system has no other group cannot be predicted, and is not.
    """
    predictions: list[Prediction] = []
    for group in sorted({group_of(sample, plan) for sample in samples}):
        kept = [sample for sample in samples if group_of(sample, plan) != group]
        if not kept:
            continue
        fitted = fit(kept, plan, constants, anchor)
        for sample in samples:
            seconds = fitted.predict(sample) if group_of(sample, plan) == group else None
            if seconds is not None:
                predictions.append((sample, seconds))
    return predictions


def by_board(
    samples: Sequence[Sample],
    plan: FitPlan,
    constants: Mapping[str, float],
    anchor: tuple[System, float] | None,
) -> list[Prediction]:
    """Return every row predicted without its board, where another board shares its system."""
    predictions: list[Prediction] = []
    for board in sorted({sample.measurement.board for sample in samples}):
        own = [sample for sample in samples if sample.measurement.board == board]
        kept = [sample for sample in samples if sample.measurement.board != board]
        if not kept:
            continue
        fitted = fit(kept, plan, constants, anchor)
        predictions += [
            (sample, seconds) for sample in own if (seconds := fitted.predict(sample)) is not None
        ]
    return predictions


def by_anchor(
    samples: Sequence[Sample], plan: FitPlan, constants: Mapping[str, float]
) -> list[Prediction]:
    """Return every row predicted from one other network of its system and from other systems.

    Constants come from the systems of other places (cores or boards); the scale from the anchor.
    """
    predictions: list[Prediction] = []
    for place in sorted({sample.system[0] for sample in samples}):
        others = [sample for sample in samples if sample.system[0] != place]
        # Alone, it has its constants from nobody: those shipped have seen all of its rows.
        known = fit(others, plan, constants).constants if others else {**constants, **plan.prior}
        scaling = plan.model_copy(update={"constants": ()})
        for system in sorted({sample.system for sample in samples if sample.system[0] == place}):
            own = [sample for sample in samples if sample.system == system]
            for group in sorted({group_of(sample, plan) for sample in own}):
                seen = [sample for sample in own if group_of(sample, plan) == group]
                fitted = fit(seen, scaling, known)
                predictions += [
                    (sample, sample.predict(known, fitted.scales[system]))
                    for sample in own
                    if group_of(sample, plan) != group
                ]
    return predictions


def by_macs(samples: Sequence[Sample], plan: FitPlan) -> list[Prediction]:
    """Return what counting MACs predicts: one rate per system, from the rows of other groups."""
    return list(_proportional(samples, plan, lambda sample: float(sample.macs)))


def by_roofline(samples: Sequence[Sample], plan: FitPlan) -> list[Prediction]:
    """Return what a roofline predicts, with one efficiency per system, from other groups' rows."""
    return list(_proportional(samples, plan, lambda sample: sample.roofline_s))


def _proportional(
    samples: Sequence[Sample], plan: FitPlan, quantity: Callable[[Sample], float]
) -> Iterator[Prediction]:
    for sample in samples:
        kin = [
            (quantity(other), other.latency_s)
            for other in samples
            if other.system == sample.system and group_of(other, plan) != group_of(sample, plan)
        ]
        if not kin:
            continue
        quantities, seconds = np.array(kin).T
        ratio = quantities / seconds
        # The rate with the least squared relative error.
        rate = float(ratio.sum() / (ratio @ ratio)) if ratio.any() else 0.0
        yield sample, rate * quantity(sample)
