"""What a comparison shows: results, what was refused, and what each is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim.records.detail import Detail
from hwsim.records.estimate import Estimate
from hwsim.records.notebook import (
    BYTES,
    JOULES,
    SECONDS,
    html_of_list,
    html_of_pairs,
    html_of_rows,
    scaled,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often the device's own integers pick the right class.

    Attributes:
        top1: Share of samples whose largest output is the label, 0..1.
        n: Samples.
    """

    top1: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflow:
    """Sums of one step that were wider than the register, over the samples of the accuracy.

    Attributes:
        step: The node's name.
        bits: Width of the register.
        overflowed: Sums that left it at least once.
        sums: All of them.
    """

    step: str
    bits: int
    overflowed: int
    sums: int

    @property
    def share(self) -> float:
        """Share that overflowed, 0..1."""
        return self.overflowed / self.sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell of a comparison: this model, so compressed, on this device.

    Attributes:
        model: Its name.
        recipe: Name or spec string of the compression; `none` for the model as it is.
        device: Name of the profile.
        device_class: `mcu`, `cpu`, `gpu`, `npu` or `accelerator`.
        runtime: Name and version.
        overrides: `key=value` texts laid over the profile.
        batch: Samples of one inference: latency and energy are of all of them together.
        profile_sha256: Digest of the profile with its overrides.
        is_calibrated: Whether held-out evidence backs the figures.
        numerics: Policy of the integers.
        estimate: Latency, energy, memory.
        accuracy: None where no labelled data was given.
        overflows: Steps whose sums overflow, which the accuracy suffers from; none where no
            labelled data was given.
        detail: What a page shows beside; None where nobody asked for it.
    """

    model: str
    recipe: str
    device: str
    device_class: str
    runtime: str
    overrides: tuple[str, ...] = ()
    batch: int = 1
    profile_sha256: str
    is_calibrated: bool
    numerics: str
    estimate: Estimate
    accuracy: Accuracy | None = None
    overflows: tuple[Overflow, ...] = ()
    detail: Detail | None = None

    @property
    def latency_s(self) -> float:
        """Seconds of one inference."""
        return self.estimate.latency_s

    @property
    def energy_j(self) -> float:
        """Joules of one inference."""
        return self.estimate.energy_j

    @property
    def peak_ram_bytes(self) -> int:
        """See `Footprint`."""
        return self.estimate.footprint.peak_ram_bytes

    @property
    def flash_bytes(self) -> int:
        """See `Footprint`."""
        return self.estimate.footprint.flash_bytes

    @property
    def fits(self) -> bool:
        """See `Footprint`."""
        return self.estimate.footprint.fits

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a small table."""
        return html_of_pairs((("model", self.model), ("recipe", self.recipe), *_cells(self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A cell that has no figures, because the device cannot run it.

    Attributes:
        model: Its name.
        recipe: As in `Result`.
        device: As in `Result`.
        overrides: As in `Result`.
        reason: Node, op, what the device lacks.
    """

    model: str
    recipe: str
    device: str
    overrides: tuple[str, ...] = ()
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a report shows.

    Attributes:
        results: In the order asked for.
        refusals: Cells without figures.
        baseline: Recipe that speed-ups refer to; None when nothing is compared.
        version: Of hwsim.
    """

    results: tuple[Result, ...]
    refusals: tuple[Refusal, ...] = ()
    baseline: str | None = None
    version: str

    def baseline_of(self, result: Result) -> Result | None:
        """Return what `result` is compared with: same model, device, overrides and batch.

        It is the baseline recipe's result, or the first one where the device refuses that recipe
        (a float32 model on an integer unit); None when nothing is compared.
        """
        if self.baseline is None:
            return None
        same = [
            other
            for other in self.results
            if (other.model, other.device, other.overrides, other.batch)
            == (result.model, result.device, result.overrides, result.batch)
        ]
        return next((other for other in same if other.recipe == self.baseline), same[0])

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a row per result, and what was refused."""
        refused = [f"{r.model}, {r.recipe}, on {r.device}: {r.reason}" for r in self.refusals]
        rows = [_row(self, result) for result in self.results]
        return html_of_rows(rows) + html_of_list("Refused", refused)


def _row(comparison: Comparison, result: Result) -> dict[str, str]:
    row = {"model": result.model, "recipe": result.recipe, **dict(_cells(result))}
    if comparison.baseline is not None:
        baseline = comparison.baseline_of(result)
        before_s = 0.0 if baseline is None else baseline.latency_s
        is_known = before_s > 0 and result.latency_s > 0
        row["speed-up"] = f"{before_s / result.latency_s:.2f}x" if is_known else "-"
    return row


def _cells(result: Result) -> list[tuple[str, str]]:
    estimate, accuracy = result.estimate, result.accuracy
    settings = (*result.overrides, *(() if result.batch == 1 else (f"batch {result.batch}",)))
    overrides = f" [{', '.join(settings)}]" if settings else ""
    samples = "" if result.batch == 1 else f" of {result.batch:,} samples"
    low, high = (scaled(end, SECONDS) for end in (estimate.latency_low_s, estimate.latency_high_s))
    return [
        ("device", result.device + overrides),
        ("latency", f"{scaled(result.latency_s, SECONDS)}{samples} ({low} to {high})"),
        ("energy", scaled(result.energy_j, JOULES) + samples),
        ("peak RAM", scaled(result.peak_ram_bytes, BYTES)),
        ("flash", scaled(result.flash_bytes, BYTES)),
        ("fits", "yes" if result.fits else "NO"),
        ("top-1", "-" if accuracy is None else f"{accuracy.top1:.1%} of {accuracy.n:,}"),
        ("trust", "calibrated" if result.is_calibrated else "uncalibrated"),
    ]
