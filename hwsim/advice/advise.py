"""Which change to a compressed model would pay on a device, and what accuracy it would cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.advice.candidate import REFUSALS, Candidate, Present
from hwsim.advice.channels import channel_changes
from hwsim.advice.formats import format_candidates
from hwsim.records import Advice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from hwsim.advice.candidate import Priced
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Accuracy

# Of fewer channels and of formats, where kernels look at activations.
_MOST_LOOKED_AT = 3


def advise(
    graph: Graph,
    device: DeviceProfile,
    *,
    alternatives: Mapping[str, Callable[[], Graph]],
    accuracy_of: Callable[[Graph], Accuracy | None],
    most: int = 6,
    untrained: Collection[str] = (),
    activations: Data | None = None,
) -> tuple[Advice, ...]:
    """Return the changes that pay, the fastest first: built, lowered, counted and priced.

    A change pays if the whole model is 1 % faster then, or as fast (within 0.5 %) and 5 % smaller
    in flash; a model that fits must fit then, too. Tried are fewer channels (multiples that the
    kernels work in), other storage formats (per layer and of all), and the alternatives, whose
    weights may have other widths. Of each of these that pays, the fastest is among what is
    returned. Candidates that cannot be built or run are no advice.

    `compressors.alternatives` makes alternatives of a recipe, and `Measured` has the accuracy:

        recipes = alternatives(recipe, native_formats(device), channel_multiple(device))
        builds = {
            name: partial(without_training(own).apply, original, data, price=latency_on(device))
            for name, own in recipes.items()
        }
        numerics = device.numerics.resolve()
        advise(
            recipe.apply(original, data),
            device,
            alternatives=builds,
            accuracy_of=lambda changed: measure(changed, samples, numerics).accuracy,
            untrained=[name for name, own in recipes.items() if trains(own)],
            activations=samples,
        )

    Args:
        graph: The compressed model.
        device: Where it runs.
        alternatives: Spec strings of recipes, and what applies each to the original model.
        accuracy_of: Runs labelled samples, under the device's integers; None without samples.
            Called for what is returned only.
        most: Changes to return.
        untrained: Those of `alternatives` that leave out the training which their recipe has: their
            price is right, and their accuracy is not measured.
        activations: As of `hwsim.evaluation.estimate`: give what the present result was priced by.
            Where kernels look at them, the three best of fewer channels and of formats are priced
            so, chosen by their price without.

    Raises:
        UnsupportedError: The device cannot run `graph` as it is.
        DataError: `activations` does not fit the model.
    """
    present = Present.of(graph, device, activations)
    paid = [
        priced for priced in _tried(present, alternatives, untrained) if present.is_paid(priced)
    ]
    paid.sort(key=_rank)
    measured: dict[int, Accuracy | None] = {}
    while True:
        chosen = _chosen(paid, most)
        failed = _measure(chosen, accuracy_of, measured)
        if failed is None:
            return tuple(_advice(present, one, measured[id(one)]) for one in chosen)
        paid.remove(failed)


def _tried(
    present: Present,
    alternatives: Mapping[str, Callable[[], Graph]],
    untrained: Collection[str],
) -> Iterator[Priced]:
    """Yield what can be built and run, changes of the compressed graph if they pay."""
    scout = present.without_activations()
    formats = (scout.price(candidate) for candidate in format_candidates(scout))
    for changes in (channel_changes(scout), formats):
        paid = [priced for priced in changes if priced is not None and scout.is_paid(priced)]
        yield from paid if scout is present else _looked_at(present, paid)
    for spec, build in alternatives.items():
        candidate = Candidate(
            kind="recipe",
            change=f"compress by {spec} instead",
            build=build,
            recipe=spec,
            is_trained=spec not in untrained,
        )
        priced = present.price(candidate)
        if priced is not None:
            yield priced


def _looked_at(present: Present, paid: Iterable[Priced]) -> Iterator[Priced]:
    """Yield the best again, priced with the activations that are zero: samples run for each."""
    for priced in sorted(paid, key=_rank)[:_MOST_LOOKED_AT]:
        yield replace(priced, estimate=present.estimated(priced.graph))


def _rank(priced: Priced) -> tuple[float, int]:
    return priced.latency_s, priced.flash_bytes


def _chosen(paid: Sequence[Priced], most: int) -> list[Priced]:
    """Return the fastest of each kind, then the fastest of all, in the order of `paid`."""
    kinds: dict[str, Priced] = {}
    for priced in paid:
        kinds.setdefault(priced.candidate.kind, priced)
    first = list(kinds.values())
    rest = [priced for priced in paid if priced not in first]
    chosen = (first + rest)[: max(most, 0)]
    return [priced for priced in paid if priced in chosen]


def _measure(
    chosen: Sequence[Priced],
    accuracy_of: Callable[[Graph], Accuracy | None],
    measured: dict[int, Accuracy | None],
) -> Priced | None:
    """Fill `measured`; return the first that does not run, or None."""
    for priced in chosen:
        if id(priced) not in measured:
            try:
                is_trained = priced.candidate.is_trained
                measured[id(priced)] = accuracy_of(priced.graph) if is_trained else None
            except REFUSALS:
                return priced
    return None


def _advice(present: Present, priced: Priced, accuracy: Accuracy | None) -> Advice:
    candidate = priced.candidate
    note = "" if candidate.is_trained else " (priced without its training)"
    return Advice(
        change=f"{candidate.change}: {present.saved(priced)}{note}",
        recipe=candidate.recipe,
        layer=candidate.layer,
        latency_s=priced.latency_s,
        energy_j=priced.estimate.energy_j,
        flash_bytes=priced.flash_bytes,
        accuracy=accuracy,
        fits=priced.estimate.footprint.fits,
    )
