"""Price points: one count for all points of a structure, one product of matrices for all prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.activations import activations_of, with_noted
from hwsim.cost import count, price
from hwsim.detail import detail_of
from hwsim.errors import ProfileError, UnsupportedError
from hwsim.evaluation import result_of
from hwsim.lower import lower
from hwsim.profile import ProfileText
from hwsim.repricing import bill_of, price_keys, reprice
from hwsim.sweeps.structures import Structure, structures_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.activations import Activations
    from hwsim.data import Data
    from hwsim.evaluation import Measured
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program
    from hwsim.records import Bill, Counts, Result
    from hwsim.repricing import Prices
    from hwsim.row import Measure
    from hwsim.sweeps.structures import Laid


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Points of one model, recipe and batch on one device.

    Attributes:
        device: What a profile's file says, or a profile that nothing is laid over.
        batch: Samples per inference.
        laid: What each point lays over the profile.
        places: Of the points in the sweep.
        rounding: What is equal for devices that round alike.
        is_told: Whether the first point's result is wanted in full.
    """

    device: ProfileText | DeviceProfile
    batch: int
    laid: tuple[Laid, ...]
    places: tuple[int, ...]
    rounding: str = ""
    is_told: bool = False

    def profile(self, laid: Laid) -> DeviceProfile:
        """Return the device's profile with `laid` over it.

        Raises:
            ProfileError: They make none together.
        """
        return self.device.load(laid) if isinstance(self.device, ProfileText) else self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What came of some points.

    Attributes:
        places: Of the points in the sweep.
        figures: As many of each; None where they are refused.
        refused: Why.
        results: In full, of the first point where it was wanted.
        is_lost: Whether a worker died of them, so that another try may do.
    """

    places: tuple[int, ...]
    figures: Figures | None = None
    refused: str | None = None
    results: tuple[Result, ...] = ()
    is_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What points cost: all but the prices is the same for all of them.

    Attributes:
        prices: Arrays of [points].
        peak_ram_bytes: Arena and the runtime's own.
        flash_bytes: Weights and code.
        fits: Whether the device has enough of both.
        top1: None without labels.
        macs: Of the dense ops.
        macs_effective: Those whose weight is not zero.
    """

    prices: Prices
    peak_ram_bytes: int
    flash_bytes: int
    fits: bool
    top1: float | None
    macs: int
    macs_effective: int


def parts_at(
    graph: Graph, group: Group, data: Data | None, measured: Measure, recipe: str
) -> Iterator[Part]:
    """Yield what comes of the points of `group`, one part per structure.

    Args:
        graph: Compressed, with the group's batch.
        group: Points on one device.
        data: Inputs whose activations show zeros.
        measured: What labelled samples show, by numerics.
        recipe: Name of the compression.

    Raises:
        DataError: The data does not fit the model.
    """
    todo = _structures(group, group.laid)
    while todo:
        structure = todo.pop(0)
        places = tuple(group.places[place] for place in structure.places)
        if structure.refused is not None:
            yield Part(places=places, refused=structure.refused)
            continue
        try:
            yield _Priced(graph, group, data, measured, recipe).part(structure)
        except UnsupportedError as error:
            yield Part(places=places, refused=str(error))
        except ProfileError as error:
            if structure.priced:
                # Values that make no profile together: each point for itself tells which.
                todo += _apart(group, structure)
            else:
                yield Part(places=places, refused=str(error))


def _structures(group: Group, laid: tuple[Laid, ...]) -> list[Structure]:
    if isinstance(group.device, ProfileText):
        return structures_of(group.device, laid)
    return [Structure(fixed={}, priced={}, places=tuple(range(len(laid))))]


def _apart(group: Group, structure: Structure) -> list[Structure]:
    """Return the points of a structure as structures without prices."""
    assert isinstance(group.device, ProfileText)
    laid = [group.laid[place] for place in structure.places]
    return [
        replace(one, places=tuple(structure.places[place] for place in one.places))
        for one in structures_of(group.device, laid, frozenset(structure.priced))
    ]


@dataclass(frozen=True, slots=True, kw_only=False)
class _Priced:
    """Prices the structures of one group: see `parts_at`."""

    graph: Graph
    group: Group
    data: Data | None
    measured: Measure
    recipe: str

    def part(self, structure: Structure) -> Part:
        """Return the figures of one structure's points.

        Raises:
            UnsupportedError: The device cannot run the model.
            ProfileError: Some values make no profile.
        """
        profile = self.group.profile(structure.largest)
        program, seen, counts = self._counted(profile)
        bill = bill_of(program, counts)
        followed = sorted(structure.priced.keys() & set(bill.follows))
        if followed:
            raise ProfileError(f"{profile.name}: {followed[0]} follows from the geometry")
        shown = self.measured(profile.numerics.resolve())
        footprint = program.footprint
        figures = Figures(
            prices=_prices(bill, structure),
            peak_ram_bytes=footprint.peak_ram_bytes,
            flash_bytes=footprint.flash_bytes,
            fits=footprint.fits,
            top1=None if shown.accuracy is None else shown.accuracy.top1,
            macs=sum(each.macs for each in counts),
            macs_effective=sum(each.macs_effective for each in counts),
        )
        is_told = self.group.is_told and structure.places[0] == 0
        return Part(
            places=tuple(self.group.places[place] for place in structure.places),
            figures=figures,
            results=(self._told(seen, counts, shown),) if is_told else (),
        )

    def _counted(
        self, profile: DeviceProfile
    ) -> tuple[Program, Activations | None, tuple[Counts, ...]]:
        program = lower(self.graph, profile)
        seen = activations_of(program, self.data)
        return with_noted(program, seen), seen, count(program, seen)

    def _told(
        self, seen: Activations | None, counts: tuple[Counts, ...], shown: Measured
    ) -> Result:
        """Return the first point's result in full; it counts as its structure does."""
        profile = self.group.profile(self.group.laid[0])
        program = with_noted(lower(self.graph, profile), seen)
        priced = price(program, counts)
        result = result_of(
            self.graph,
            profile,
            priced,
            shown,
            recipe=self.recipe,
            overrides=texts_of(self.group.laid[0]),
        )
        detail = detail_of(program, counts, priced, seen, laid=result.overrides)
        return replace(result, batch=self.group.batch, detail=detail)


def texts_of(laid: Laid) -> tuple[str, ...]:
    """Return what is laid over a profile as `key=value`, for reports."""
    return tuple(f"{key}={value}" for key, value in laid.items())


def _prices(bill: Bill, structure: Structure) -> Prices:
    known = price_keys(bill)
    # A number that this program is not charged by changes nothing.
    values = {
        key: np.asarray(own, np.float64) for key, own in structure.priced.items() if key in known
    }
    prices = reprice(bill, values)
    if values:
        return prices
    return replace(
        prices,
        **{
            name: np.broadcast_to(getattr(prices, name), len(structure.places))
            for name in prices.__slots__
        },
    )
