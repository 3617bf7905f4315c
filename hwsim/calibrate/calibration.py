"""Calibration: a session fitted and judged, and the profile that says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hwsim.calibrate.crossovers import crossovers
from hwsim.calibrate.draft import draft_tree, profile_of, with_kernels, with_provenance
from hwsim.calibrate.fit import fit_kernels
from hwsim.calibrate.judge import Judged, errors_in, mac_counting, roofline
from hwsim.errors import MeasurementError, UnsupportedError
from hwsim.evaluation import estimate
from hwsim.profile import DeviceProfile, Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.calibrate.crossovers import Crossover
    from hwsim.calibrate.fit import FittedKernel
    from hwsim.calibrate.host import Host
    from hwsim.calibrate.runtimes import HostRuntime
    from hwsim.calibrate.sample import Sample
    from hwsim.calibrate.session import Session
    from hwsim.evidence.errors import Errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how a session was.

    Attributes:
        name: Of the profile.
        runtime: What ran the layers.
        version: Of its package.
        host: What ran the runtime.
        threads: Of the runtime.
        date: Of the session, as year-month-day.
        table: File of the samples; empty where they were not kept.
    """

    name: str
    runtime: HostRuntime
    version: str
    host: Host
    threads: int
    date: str
    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted profile and how far off it is.

    Attributes:
        tree: The profile as its YAML holds it.
        kernels: What was fitted.
        training: Layers that were fitted to.
        held_out: Layers that were not.
        ladders: Layers of equal shape, dense and ever sparser; none was fitted to.
        crossovers: Where formats cross on them.
        networks: Whole networks, none of which was fitted to.
        unpriced: Networks that the profile cannot price, and why.
        macs: Errors of MAC counting on the held-out layers.
        roofline: Errors of a roofline on them.
    """

    tree: dict[str, Any]
    kernels: tuple[FittedKernel, ...]
    training: tuple[Judged, ...]
    held_out: tuple[Judged, ...]
    ladders: tuple[Judged, ...]
    crossovers: tuple[Crossover, ...]
    networks: tuple[Judged, ...]
    unpriced: tuple[str, ...]
    macs: Errors
    roofline: Errors


def calibrate(session: Session, setting: Setting) -> Calibration:
    """Return a profile fitted to the training layers of a session, judged on the rest.

    Raises:
        MeasurementError: No layer could be held out.
    """
    tree = draft_tree(setting.name, setting.runtime, setting.version, setting.host, session.rate_hz)
    kernels = fit_kernels(setting.runtime.drafts, session.training, partial(profile_of, tree))
    constants = {name: cycles for kernel in kernels for name, cycles in kernel.constants.items()}
    rules = {kernel.name: kernel.rule for kernel in kernels}
    tree = with_kernels(tree, rules, constants, round(session.inference_cycles))
    profile = DeviceProfile.model_validate(tree)
    training = _judged(session.training, profile)
    held_out = _judged(session.held_out, profile)
    networks, unpriced = _judged_networks(session, profile)
    macs, roof = (
        baseline(session.training, session.held_out) for baseline in (mac_counting, roofline)
    )
    if macs is None or roof is None:
        raise MeasurementError("nothing to judge by: expected held-out layers, got none")
    evidence = _evidence(training, held_out, macs, roof, setting.table)
    told = {
        kernel.name: f"{_where(setting)}; {kernel.samples} layers, "
        f"mean absolute error {kernel.error:.1%} on them"
        for kernel in kernels
    }
    where = f"{_where(setting)}, {session.samples} samples of {len(training)} layers"
    return Calibration(
        tree=with_provenance(tree, where, told, evidence),
        kernels=kernels,
        training=training,
        held_out=held_out,
        ladders=_judged(session.ladders, profile),
        crossovers=crossovers(session.ladders, profile),
        networks=networks,
        unpriced=unpriced,
        macs=macs,
        roofline=roof,
    )


def _where(setting: Setting) -> str:
    threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
    return (
        f"this host, {setting.host.processor}, {setting.runtime.title} {setting.version}, "
        f"{threads}, {setting.date}"
    )


def _judged(samples: Sequence[Sample], profile: DeviceProfile) -> tuple[Judged, ...]:
    rows: list[Judged] = []
    for sample in samples:
        try:
            predicted_s = estimate(sample.graph, profile).latency_s
        except UnsupportedError:
            continue  # Every layer of its kernel was disturbed.
        apart = sample.beside_cycles - profile.runtime.cycles(profile.runtime.per_inference)
        rows.append(
            Judged(
                name=sample.layer.name,
                kind=sample.layer.kind,
                types=sample.layer.types,
                measured_s=(sample.cycles + sample.beside_cycles) / profile.hardware.clock_hz,
                predicted_s=predicted_s + apart / profile.hardware.clock_hz,
            )
        )
    return tuple(rows)


def _judged_networks(
    session: Session, profile: DeviceProfile
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    rows: list[Judged] = []
    unpriced: list[str] = []
    for network in session.networks:
        try:
            predicted_s = estimate(network.graph, profile).latency_s
        except UnsupportedError as error:
            unpriced.append(f"{network.name} {network.types}: {error}")
            continue
        rows.append(
            Judged(
                name=network.name,
                kind="network",
                types=network.types,
                measured_s=network.cycles / profile.hardware.clock_hz,
                predicted_s=predicted_s,
            )
        )
    return tuple(rows), tuple(unpriced)


def _evidence(
    training: Sequence[Judged],
    held_out: Sequence[Judged],
    macs: Errors,
    roof: Errors,
    table: str,
) -> Evidence:
    seen, unseen = errors_in(training), errors_in(held_out)
    if seen is None or unseen is None:
        raise MeasurementError("nothing to judge by: expected held-out layers, got none")
    return Evidence(
        measurements=(table or "samples not kept",),
        n=unseen.n,
        left_out="row",
        held_out_mape=round(unseen.mape, 4),
        held_out_median=round(unseen.median, 4),
        held_out_p90=round(unseen.p90, 4),
        within_10=round(unseen.within_10, 4),
        within_20=round(unseen.within_20, 4),
        spearman=None if unseen.spearman is None else round(unseen.spearman, 4),
        in_sample_mape=round(seen.mape, 4),
        macs_mape=round(macs.mape, 4),
        roofline_mape=round(roof.mape, 4),
    )
