"""Validate: replay the measurements of a family of profiles, and hold out what can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.errors import MeasurementError
from hwsim.evidence.design import profile_of, sample
from hwsim.evidence.energy import energy_errors
from hwsim.evidence.errors import errors_of
from hwsim.evidence.fit import fit
from hwsim.evidence.held_out import by_anchor, by_board, by_group, by_macs, by_roofline
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.profile import Evidence, known_devices, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hwsim.evidence.design import Sample
    from hwsim.evidence.energy import Energy
    from hwsim.evidence.errors import Errors
    from hwsim.evidence.fit import Fitted, System
    from hwsim.evidence.held_out import Prediction
    from hwsim.profile import DeviceProfile, FitPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Profiles that share constants, with what was measured on them.

    Attributes:
        root: The profile whose constants are fitted.
        plan: How.
        samples: Every measured latency of the family.
    """

    root: DeviceProfile
    plan: FitPlan
    samples: tuple[Sample, ...]

    @property
    def anchor(self) -> tuple[System, float] | None:
        """The system of the root's own version, whose scale the profile states."""
        own = [s for s in self.samples if s.measurement.profile == self.root.name]
        version = self.root.runtime.version
        systems = [s.system for s in own if s.system[1] == version]
        return (systems[0], self.root.runtime.current.scale) if systems else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How well a profile, or a family of them, predicts what was measured.

    Attributes:
        profile: Its name, or the family's with `*`.
        left_out: What was left out with each row.
        in_sample: By the constants as shipped.
        held_out: Each row by a fit that saw neither it nor its group.
        board: Each row by a fit that did not see its board; None where no board has a kin.
        anchored: Each row from one other network of its system.
        macs: By counting MACs, held out too.
        roofline: By a roofline, held out too.
        energy: Of energies; None where no row states one.
    """

    profile: str
    left_out: str
    in_sample: Errors
    held_out: Errors | None
    board: Errors | None
    anchored: Errors | None
    macs: Errors | None
    roofline: Errors | None
    energy: Energy | None = None

    def evidence(self, plan: FitPlan) -> Evidence | None:
        """Return what a profile stores of it; None where nothing could be held out."""
        held_out, macs, roofline = self.held_out, self.macs, self.roofline
        if held_out is None or macs is None or roofline is None:
            return None
        return Evidence(
            measurements=plan.measurements,
            against=plan.against,
            n=held_out.n,
            left_out=self.left_out,  # pyright: ignore[reportArgumentType]
            held_out_mape=_rounded(held_out.mape),
            held_out_median=_rounded(held_out.median),
            held_out_p90=_rounded(held_out.p90),
            within_10=_rounded(held_out.within_10),
            within_20=_rounded(held_out.within_20),
            spearman=None if held_out.spearman is None else _rounded(held_out.spearman),
            in_sample_mape=_rounded(self.in_sample.mape),
            board_mape=_mape(self.board),
            anchored_mape=_mape(self.anchored),
            macs_mape=_rounded(macs.mape),
            roofline_mape=_rounded(roofline.mape),
            energy_mape=_mape(None if self.energy is None else self.energy.end_to_end),
        )


def _rounded(share: float) -> float:
    return round(share, 4)


def _mape(errors: Errors | None) -> float | None:
    return None if errors is None else _rounded(errors.mape)


def families() -> tuple[str, ...]:
    """Return the names of the shipped profiles whose constants are fitted, sorted."""
    plans = {name: load_profile(name).fit for name in known_devices()}
    return tuple(sorted({plan.family for plan in plans.values() if plan is not None}))


def family(name: str, paths: Sequence[Path] | None = None) -> Family:
    """Return a family with its measurements.

    Args:
        name: Of its root.
        paths: Tables of measurements; those that the profile names where None.

    Raises:
        MeasurementError: The profile has no fit, or a row cannot be read or priced.
    """
    root = load_profile(name)
    if root.fit is None:
        raise MeasurementError(f"{name}: nothing to validate: this profile has no fit section")
    tables = paths or [FOLDER / file for file in root.fit.measurements]
    shipped = frozenset(known_devices())
    rows = [
        (row, table.parent)
        for table in tables
        for row in read_measurements(table)
        if row.latency_s is not None
        and row.profile in shipped
        and _is_of(row.profile, root.fit.family)
    ]
    if not rows:
        raise MeasurementError(f"{name}: no row of {', '.join(t.name for t in tables)} is of it")
    return Family(
        root=root,
        plan=root.fit,
        samples=tuple(sample(row, folder) for row, folder in rows),
    )


def _is_of(profile: str, family_name: str) -> bool:
    plan = profile_of(profile, ()).fit
    return plan is not None and plan.family == family_name


def fitted(of: Family) -> Fitted:
    """Return the constants and scales that fit all rows of a family."""
    return fit(of.samples, of.plan, of.root.runtime.constants, of.anchor)


def baselines(samples: Sequence[Sample], plan: FitPlan) -> tuple[Errors | None, Errors | None]:
    """Return the held-out errors of counting MACs and of a roofline."""
    return (
        errors_of([(seconds, s.latency_s) for s, seconds in by_macs(samples, plan)]),
        errors_of([(seconds, s.latency_s) for s, seconds in by_roofline(samples, plan)]),
    )


def validate(of: Family) -> tuple[Validation, ...]:
    """Return the validation of the whole family, and of each profile of it that was measured."""
    constants, plan = of.root.runtime.constants, of.plan
    shipped = [(s, s.predict(s.profile.runtime.constants, _scale(s, of))) for s in of.samples]
    ways: Mapping[str, list[Prediction]] = {
        "in_sample": shipped,
        "held_out": by_group(of.samples, plan, constants, of.anchor),
        "board": by_board(of.samples, plan, constants, of.anchor),
        "anchored": by_anchor(of.samples, plan, constants),
        "macs": by_macs(of.samples, plan),
        "roofline": by_roofline(of.samples, plan),
    }
    names = sorted({s.measurement.profile for s in of.samples})
    whole = _validation(f"{plan.family}*", plan, ways, lambda _: True)
    each = [_validation(name, plan, ways, _is_on(name)) for name in names]
    return (whole, *each)


def _scale(of: Sample, family_: Family) -> float:
    """Return the scale of a row's system: the profile's, or a fitted one where boards differ."""
    if family_.plan.scale_per == "core":
        return of.profile.runtime.current.scale
    scaling = family_.plan.model_copy(update={"constants": ()})
    own = [s for s in family_.samples if s.system == of.system]
    return fit(own, scaling, of.profile.runtime.constants).scales[of.system]


def _is_on(profile: str) -> Callable[[Sample], bool]:
    return lambda of: of.measurement.profile == profile


def _validation(
    name: str,
    plan: FitPlan,
    ways: Mapping[str, list[Prediction]],
    is_meant: Callable[[Sample], bool],
) -> Validation:
    own = {way: [(s, seconds) for s, seconds in all_ if is_meant(s)] for way, all_ in ways.items()}
    found = {way: errors_of([(t, s.latency_s) for s, t in pairs]) for way, pairs in own.items()}
    in_sample = found.pop("in_sample")
    assert in_sample is not None  # A family has rows.
    energy = energy_errors([s for s, _ in own["in_sample"]], plan, own["held_out"])
    return Validation(
        profile=name, left_out=plan.leave_out, in_sample=in_sample, energy=energy, **found
    )


# Refits on other processors end a little elsewhere.
_SAME = 0.002


def stale(of: Family, found: Sequence[Validation]) -> list[str]:
    """Return what profiles say of their evidence that the replay does not, one line each."""
    problems: list[str] = []
    for validation in found:
        if validation.profile not in known_devices():
            continue
        stored = load_profile(validation.profile).evidence
        replayed = validation.evidence(of.plan)
        if stored is None or replayed is None:
            if stored is not replayed:
                problems.append(
                    f"{validation.profile}: its evidence was not stored, or can no longer be "
                    f"replayed; hwsim fit {of.plan.family} --update"
                )
            continue
        problems += [
            f"{validation.profile}: evidence.{key}: the profile says {was}, the replay {now}; "
            f"hwsim fit {of.plan.family} --update"
            for key, was in stored
            if not _is_same(was, now := getattr(replayed, key))
        ]
    return problems


def _is_same(was: object, now: object) -> bool:
    if isinstance(was, int | float) and isinstance(now, int | float):
        return abs(was - now) <= _SAME
    return was == now
