"""What backs a profile: how its constants were fitted, and how far off it is where it was not."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hwsim.profile.quantities import NonNegative, Positive, Text
from hwsim.profile.section import Section

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Files: TypeAlias = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
Judge: TypeAlias = Literal["silicon", "simulator"]
"""Who says how long it took: a clock on a board, or another estimator."""
Group: TypeAlias = Literal["row", "network", "topology"]


class FitPlan(Section):
    """How the constants of a family of profiles are fitted; heirs inherit it with its name.

    Attributes:
        family: The profile whose constants are fitted; its heirs share them, and each of them has
            a scale per version.
        measurements: Files in `device_profiles/measurements/`.
        against: Who took the measurements.
        constants: Which of `runtime.constants` are free; the others stay. None: only scales are
            fitted, to constants borrowed from another family.
        prior: Where the free ones start, cycles; the pull towards it decides what few rows cannot.
        ridge: Weight of that pull: each constant's relative distance from its prior counts as this
            many squared relative errors.
        scale_per: Whether boards that have the same core share a scale, or each has its own.
        leave_out: What is left out of a fit to be predicted: all rows of a network, or of all
            networks of the same topology.
    """

    family: Text
    measurements: Files
    against: Judge = "silicon"
    constants: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    prior: dict[str, Positive] = Field(default_factory=dict[str, float])
    ridge: NonNegative = 0.1
    scale_per: Literal["core", "board"] = "core"
    leave_out: Group = "topology"


class Evidence(Section):
    """How well this profile predicts measurements that it was not fitted on.

    Attributes:
        measurements: Files in `device_profiles/measurements/`.
        against: Who took them.
        n: Measurements compared.
        left_out: What each of them was left out with.
        held_out_mape: Mean absolute relative error, each point left out of its own fit.
        held_out_median: Median of the same errors.
        held_out_p90: Nine of ten of the same predictions are off by a smaller factor than 1 + this,
            up or down.
        within_10: Share of them within 10 %.
        within_20: Share of them within 20 %.
        spearman: Rank correlation of held-out predictions with the measurements.
        in_sample_mape: Error of the shipped constants on the rows they were fitted on.
        board_mape: Error where all rows of a board were left out and another has its core.
        anchored_mape: Error where all rows of a core or version were left out but those of one
            network, which gave its scale; the mean over all choices of that network.
        macs_mape: Held-out error of one rate per system in seconds per MAC, on the same rows.
        roofline_mape: Held-out error of a roofline scaled to each system, on the same rows.
        energy_mape: Held-out error of energies: held-out latencies times the mean power of the
            other groups' rows; absent where no row states an energy.
    """

    measurements: Files
    against: Judge = "silicon"
    n: Annotated[int, Field(ge=1)]
    left_out: Group
    held_out_mape: NonNegative
    held_out_median: NonNegative
    held_out_p90: NonNegative
    within_10: Share
    within_20: Share
    spearman: Annotated[float, Field(ge=-1, le=1)] | None = None
    in_sample_mape: NonNegative
    board_mape: NonNegative | None = None
    anchored_mape: NonNegative | None = None
    macs_mape: NonNegative
    roofline_mape: NonNegative
    energy_mape: NonNegative | None = None
