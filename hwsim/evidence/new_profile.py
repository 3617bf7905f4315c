"""A new profile from a user's own measurements: an heir of another one, refitted."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hwsim.errors import MeasurementError, ProfileError
from hwsim.evidence.design import sample
from hwsim.evidence.errors import errors_of
from hwsim.evidence.fit import fit
from hwsim.evidence.held_out import group_of
from hwsim.evidence.measurement import read_measurements
from hwsim.evidence.rewrite import heir, rounded
from hwsim.evidence.validation import Validation, baselines, family, validate
from hwsim.profile import FitPlan, find_profile, load_profile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hwsim.evidence.design import Sample
    from hwsim.evidence.fit import Fitted
    from hwsim.evidence.held_out import Prediction
    from hwsim.profile import DeviceProfile, Evidence

# All rows are of one device, whatever profile lends the kernels.
_NEW = ("new", "")
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """A fitted profile.

    Attributes:
        text: Its YAML.
        report: What was found, line by line.
    """

    text: str
    report: tuple[str, ...]


def fitted_profile(
    parent: str, measurements: Path, output: Path, *, version: str | None, is_scale_only: bool
) -> NewProfile:
    """Return an heir of `parent` whose constants fit the measurements.

    Args:
        parent: Name or path of the profile that lends its kernels.
        measurements: Table of latencies; all rows are taken to be of the new device.
        output: Where the heir will lie, which is called as its file.
        version: Of the runtime there; the parent's with `, measured here` where None.
        is_scale_only: Whether one factor on all cycles is fitted, and no constant by itself.

    Raises:
        MeasurementError: The table cannot be read, or the profile names no constant to fit.
        ProfileError: There is no such parent, or it could not be found from `output`.
    """
    base, name, inherited = load_profile(parent), output.stem, _inherited(parent, output)
    rows = [replace(row, profile=parent) for row in read_measurements(measurements)]
    samples = [sample(row, measurements.parent) for row in rows if row.latency_s is not None]
    own = [replace(s, system=_NEW) for s in samples]
    plan = _scaling(base, measurements.name)
    if not is_scale_only:
        plan = _refitting(base, measurements.name, fit(own, plan, base.runtime.constants))
    found = fit(own, plan, base.runtime.constants)
    scale = found.scales[_NEW]
    version = version or f"{base.runtime.version}, measured here"
    networks = sorted({s.measurement.network for s in own})
    told = _told(len(own), networks)
    runtime: dict[str, object] = {
        "version": version,
        "versions": {version: {"scale": rounded(scale)}},
    }
    removes = base.runtime.current.removes_dead_channels
    if removes:
        runtime["versions"] = {version: {"scale": rounded(scale), "removes_dead_channels": True}}
    sources = {"runtime.versions": f"fitted: one factor on all cycles of {parent}, {told}"}
    if plan.constants:
        runtime["constants"] = {c: rounded(found.constants[c]) for c in plan.constants}
        sources["runtime.constants"] = f"fitted: {told}, pulled towards those of {parent}"
    evidence, report = _evidence(own, plan, base)
    what = f"scaled by {rounded(scale)}" if is_scale_only else "refitted"
    return NewProfile(
        text=heir(
            inherited,
            name,
            f"{base.description}; {what} to {version} from {told}",
            runtime,
            sources,
            evidence,
        ),
        report=(f"{name}: {parent} {what}, from {told}", *report),
    )


def _inherited(parent: str, output: Path) -> str:
    """Return how a profile at `output` names its parent: by name, or by its path from there.

    Raises:
        ProfileError: It would find another file, itself for one.
    """
    found = find_profile(parent).resolve()
    beside = output.resolve().parent
    if found.suffix != ".yaml":
        raise ProfileError(f"{parent}: expected a parent whose file ends in .yaml; rename it")
    if found == output.resolve():
        raise ProfileError(f"{output}: this is the parent, which the new profile needs; rename one")
    if parent != found.stem:
        return os.path.relpath(found.with_suffix(""), beside)
    if output.stem == parent or (beside / found.name).is_file():
        raise ProfileError(
            f"{output}: {found.name} there would hide the shipped profile of that name; "
            "rename it, or choose another folder"
        )
    return parent


def _told(count: int, networks: Sequence[str]) -> str:
    if count == 1:
        return f"one latency, of {networks[0]}"
    shown = ", ".join(networks[:_SHOWN]) + (", ..." if len(networks) > _SHOWN else "")
    return f"{count} latencies of {len(networks)} networks ({shown})"


def _scaling(base: DeviceProfile, table: str) -> FitPlan:
    """Return how to fit one factor."""
    return FitPlan(family=base.name, measurements=(table,), leave_out="network")


def _refitting(base: DeviceProfile, table: str, scaled: Fitted) -> FitPlan:
    """Return how to fit the constants: towards the parent's, scaled to these rows.

    Raises:
        MeasurementError: The parent names no constants.
    """
    constants = base.runtime.constants
    free = base.fit.constants if base.fit is not None and base.fit.constants else tuple(constants)
    prior = {name: constants[name] * scaled.scales[_NEW] for name in free if constants[name] > 0}
    if not prior:
        raise MeasurementError(
            f"{base.name}: expected runtime.constants to fit, got none; --scale-only needs none"
        )
    return _scaling(base, table).model_copy(
        update={
            "constants": tuple(prior),
            "prior": prior,
            "ridge": 0.1 if base.fit is None else base.fit.ridge,
        }
    )


def _evidence(
    own: list[Sample], plan: FitPlan, base: DeviceProfile
) -> tuple[Evidence | None, tuple[str, ...]]:
    """Return held-out error: of these rows, or of the family's where one network was measured."""
    constants = base.runtime.constants
    found = fit(own, plan, constants)
    in_sample = errors_of(
        [(s.predict(found.constants, found.scales[s.system]), s.latency_s) for s in own]
    )
    held_out = errors_of([(seconds, s.latency_s) for s, seconds in _held_out(own, plan, base)])
    assert in_sample is not None  # A fit has rows.
    if held_out is not None:
        macs, roofline = baselines(own, plan)
        validation = Validation(
            profile=base.name,
            left_out="network",
            in_sample=in_sample,
            held_out=held_out,
            board=None,
            anchored=None,
            macs=macs,
            roofline=roofline,
        )
        line = (
            f"each network left out of the fit: n {held_out.n}, MAPE {held_out.mape:.1%} "
            f"(in sample {in_sample.mape:.1%})"
        )
        return validation.evidence(plan), (line,)
    whole = None if base.fit is None else validate(family(base.fit.family))[0]
    if base.fit is None or whole is None or whole.anchored is None:
        return None, ("one network cannot be held out: the profile stays uncalibrated",)
    borrowed = replace(whole, held_out=whole.anchored, left_out="network")
    line = (
        f"one network cannot be held out; in the family of {base.fit.family}, a scale from one "
        f"network misses the others by {whole.anchored.mape:.1%} (n {whole.anchored.n})"
    )
    return borrowed.evidence(base.fit), (line,)


def _held_out(own: Sequence[Sample], plan: FitPlan, base: DeviceProfile) -> list[Prediction]:
    """Return each row predicted without its network, which the prior's scale did not see either."""
    constants, table = base.runtime.constants, plan.measurements[0]
    predictions: list[Prediction] = []
    for group in sorted({group_of(s, plan) for s in own}):
        kept = [s for s in own if group_of(s, plan) != group]
        if not kept:
            continue
        scaled = fit(kept, _scaling(base, table), constants)
        again = fit(kept, _refitting(base, table, scaled), constants) if plan.constants else scaled
        predictions += [
            (s, seconds)
            for s in own
            if group_of(s, plan) == group and (seconds := again.predict(s)) is not None
        ]
    return predictions
