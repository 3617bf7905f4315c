"""Fit: few non-negative prices per kernel, and of its candidate tiles the one that fits best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from hwsim.calibrate.design import design_of, kernel_of
from hwsim.calibrate.kernels import kernel_name
from hwsim.calibrate.layers import TYPES
from hwsim.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hwsim.arrays import FloatArray
    from hwsim.calibrate.kernels import KernelDraft, Tile
    from hwsim.calibrate.sample import Sample
    from hwsim.profile import DeviceProfile

ProfileOf: TypeAlias = "Callable[[Mapping[str, Any]], DeviceProfile]"
"""Kernels, as a profile writes them, to a profile that has these."""

# Weights of 1 / sqrt(error) make a fit of absolute errors of one of squares; a few rounds settle.
_ROUNDS = 6
_LEAST_ERROR = 0.02
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedKernel:
    """A kernel with its prices.

    Attributes:
        name: With the types.
        draft: What it was.
        types: Of activations and weights.
        tile: The candidate of the least training error.
        constants: Cycles by name; those that came out as 0 are left out.
        samples: How many it was fitted on.
        error: Mean absolute relative error on them.
    """

    name: str
    draft: KernelDraft
    types: str
    tile: Tile
    constants: Mapping[str, float]
    samples: int
    error: float

    @property
    def rule(self) -> dict[str, Any]:
        """The kernel as a profile writes it."""
        rule = self.draft.rule(self.types, self.tile)
        cycles: dict[str, str] = rule["cycles"]
        kept = {term: name for term, name in cycles.items() if name in self.constants}
        return rule | {"cycles": kept}


def fit_kernels(
    drafts: Sequence[KernelDraft],
    samples: Sequence[Sample],
    profile_of: ProfileOf,
) -> tuple[FittedKernel, ...]:
    """Return the kernels that some sample ran, fitted to them; the others are dropped.

    Args:
        drafts: In order: the first that takes a layer runs it.
        samples: One layer each, with what an inference costs beside it taken off.
        profile_of: Kernels, as a profile writes them, to a profile that has these alone.

    Raises:
        MeasurementError: There are no samples.
    """
    if not samples:
        raise MeasurementError("nothing to fit: expected measured layers, got none")
    named = {kernel_name(draft.name, types): (draft, types) for draft in drafts for types in TYPES}
    whole = profile_of(
        {name: draft.rule(types, (1, 1, 1)) for name, (draft, types) in named.items()}
    )
    ran: dict[str, list[Sample]] = {}
    for sample in samples:
        ran.setdefault(kernel_of(sample.graph, whole), []).append(sample)
    return tuple(_best(name, *named[name], ran[name], profile_of) for name in named if name in ran)


def _best(
    name: str,
    draft: KernelDraft,
    types: str,
    samples: Sequence[Sample],
    profile_of: ProfileOf,
) -> FittedKernel:
    tried = (_fitted(name, draft, types, tile, samples, profile_of) for tile in draft.tiles)
    return min(tried, key=lambda kernel: kernel.error)


def _fitted(
    name: str,
    draft: KernelDraft,
    types: str,
    tile: Tile,
    samples: Sequence[Sample],
    profile_of: ProfileOf,
) -> FittedKernel:
    rule = draft.rule(types, tile)
    profile, cycles_by_term = profile_of({name: rule}), rule["cycles"]
    designs = [design_of(sample.graph, profile) for sample in samples]
    cycles = np.array([sample.cycles for sample in samples])

    def solved(terms: Sequence[str]) -> tuple[dict[str, float], float]:
        prices = [cycles_by_term[term] for term in terms]
        units = np.array([[design.get(price, 0.0) for price in prices] for design in designs])
        solution, error = solve(units, cycles)
        found = zip(prices, solution.tolist(), strict=True)
        return {p: float(f"{v:.{_DIGITS}g}") for p, v in found if v > _SMALLEST}, error

    constants, error = solved(draft.terms)
    for fewer in _FEWER if "per_mac" in draft.terms else ():
        # Few layers may be explained without what multiplies, which no other layer would be.
        if cycles_by_term["per_mac"] not in constants:
            constants, error = solved(fewer)
    return FittedKernel(
        name=name, draft=draft, types=types, tile=tile, constants=constants,
        samples=len(samples), error=error,
    )  # fmt: skip


_FEWER: Final = (("per_call", "per_mac"), ("per_mac",))
_SMALLEST: Final = 1e-9


def solve(units: FloatArray, cycles: FloatArray) -> tuple[FloatArray, float]:
    """Return prices >= 0 of the least mean absolute relative error, and that error.

    Non-negative least squares of units @ price / cycles - 1 (Lawson and Hanson, Solving Least
    Squares Problems, 1974, chapter 23), reweighted towards absolute errors.

    Args:
        units: [samples, prices].
        cycles: [samples], > 0.
    """
    import scipy.optimize  # scipy takes a third of a second to import

    optimize: Any = scipy.optimize
    relative = units / cycles[:, None]
    weight = np.ones(len(cycles))
    prices, error = np.zeros(units.shape[1]), np.ones(len(cycles))
    for _ in range(_ROUNDS):
        rows = relative * weight[:, None]
        # Columns of like size: units range from one call to a billion products.
        size = np.maximum(np.linalg.norm(rows, axis=0), 1e-30)
        solution: FloatArray = optimize.nnls(rows / size, weight)[0]
        prices = solution / size
        error = np.abs(relative @ prices - 1.0)
        weight = 1.0 / np.sqrt(np.maximum(error, _LEAST_ERROR))
    return prices, float(error.mean())
