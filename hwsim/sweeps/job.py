"""A job: one model under one recipe on some devices, at some points; what one worker does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from hwsim.activations import SAMPLES
from hwsim.batching import with_batch
from hwsim.errors import FormatError, ProfileError, RecipeError, UnsupportedError
from hwsim.evaluation import measure
from hwsim.reference import stacked
from hwsim.row import latency_on
from hwsim.sweeps.pricing import Group, Part, parts_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.row import Measure, Price, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model under one recipe, at some points.

    Attributes:
        graph: The model: as it is, or compressed already where `is_compressed`.
        recipe: How to compress it.
        name: Of the recipe, for reports.
        groups: Points by device and batch.
        data: Labelled samples that judge.
        training_data: What the recipe may calibrate and train on.
        is_compressed: Whether the recipe was applied already.
    """

    graph: Graph
    recipe: Recipe
    name: str
    groups: tuple[Group, ...]
    data: Data | None = field(repr=False)
    training_data: Data | None = field(repr=False)
    is_compressed: bool = False

    @property
    def places(self) -> tuple[int, ...]:
        """Of all its points in the sweep."""
        return tuple(place for group in self.groups for place in group.places)

    def parts(self) -> Iterator[Part]:
        """Yield what comes of all points; the model is compressed once, run once per numerics.

        A recipe that asks for prices is applied for each point anew.

        Raises:
            DataError: The data does not fit the model.
        """
        if self.recipe.is_priced and not self.is_compressed:
            for group in self.groups:
                yield from self._priced(group)
            return
        made = self.compressed()
        if isinstance(made, str):
            yield Part(places=self.places, refused=made)
            return
        yield from self._at(made, self.groups)

    def compressed(self, price: Price | None = None) -> Graph | str:
        """Return the compressed graph, or why there is none."""
        if self.is_compressed:
            return self.graph
        try:
            return self.recipe.apply(self.graph, self.training_data, price=price)
        except (RecipeError, UnsupportedError, FormatError) as error:
            return str(error)

    def _priced(self, group: Group) -> Iterator[Part]:
        for i, (place, laid) in enumerate(zip(group.places, group.laid, strict=True)):
            try:
                profile = group.profile(laid)
            except ProfileError as error:
                yield Part(places=(place,), refused=str(error))
                continue
            made = self.compressed(_price_on(profile, group.batch))
            if isinstance(made, str):
                yield Part(places=(place,), refused=made)
                continue
            alone = replace(
                group,
                laid=(laid,),
                places=(place,),
                is_told=group.is_told and i == 0,
            )
            yield from self._at(made, (alone,))

    def _at(self, graph: Graph, groups: tuple[Group, ...]) -> Iterator[Part]:
        # Devices that round alike share one run over the data; batches change no sample's integers.
        measured: Measure = cache(partial(measure, graph, self.data))
        for group in groups:
            try:
                batched = with_batch(graph, group.batch)
            except UnsupportedError as error:
                yield Part(places=group.places, refused=str(error))
                continue
            data = _in_batches(graph, self.data, group.batch)
            yield from parts_at(batched, group, data, measured, self.name)


def _price_on(profile: DeviceProfile, batch: int) -> Price:
    price = latency_on(profile)
    return lambda graph: price(with_batch(graph, batch))


def _in_batches(graph: Graph, data: Data | None, batch: int) -> Data | None:
    """Return the first samples as whole batches, for activations to be looked at.

    Some samples stand again where they do not fill the last batch.
    """
    if batch == 1 or data is None:
        return data
    few = data.head(SAMPLES * batch)
    x = stacked(graph, few.x)
    places = np.arange(-(-few.count // batch) * batch) % few.count
    return replace(data, x=x[places].reshape(-1, batch, *x.shape[2:]), y=None)
