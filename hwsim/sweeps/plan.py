"""Plan: a spec's points, each with its key, and the jobs that make them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from hwsim.digest import digest_of_data, digest_of_graph
from hwsim.errors import RecipeError
from hwsim.profile import ProfileText, read_profile
from hwsim.reference import stacked
from hwsim.sweeps.axes import BATCH, MOST_POINTS
from hwsim.sweeps.grid import meant, require_distinct
from hwsim.sweeps.keys import key_of
from hwsim.sweeps.sampling import too_few, too_many
from hwsim.sweeps.spec import laid_over, name_of
from hwsim.sweeps.templates import draws, with_seed
from hwsim.sweeps.where import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.data import Data
    from hwsim.profile import DeviceProfile
    from hwsim.records.points import Value
    from hwsim.row import Recipe
    from hwsim.sweeps.axes import Choice
    from hwsim.sweeps.spec import SweepSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A recipe with its parameters filled in.

    Attributes:
        recipe: Its steps draw by `seed`, where it was asked to repeat.
        name: The same under every seed.
        seed: 0 where it was not.
        used: The axes that its text names.
    """

    recipe: Recipe
    name: str
    seed: int
    used: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One point that is asked for.

    Attributes:
        key: See `hwsim.records.Point.key`.
        model: Its place among the spec's graphs.
        made: The recipe.
        device: Its place among the spec's devices.
        batch: Samples per inference.
        laid: Over the profile.
        axes: Its values.
    """

    key: str
    model: int
    made: Made
    device: int
    batch: int
    laid: Mapping[str, Value]
    axes: Choice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Everything to be done, in the order asked for.

    Attributes:
        spec: What was asked for.
        places: The points.
        devices: What the profile of each says, read once; or the profile that was given.
        profiles: Of the devices, before anything is laid over them.
        digests: SHA-256 of each of `profiles`.
        data: By model: labelled samples as it takes them.
        training_data: What recipes calibrate and train on.
        is_steady: Whether repeats were asked for, and some recipe draws nothing.
    """

    spec: SweepSpec
    places: tuple[Place, ...]
    devices: tuple[ProfileText | DeviceProfile, ...]
    profiles: tuple[DeviceProfile, ...]
    digests: tuple[str, ...]
    data: tuple[Data | None, ...]
    training_data: Data | None
    is_steady: bool


def plan(spec: SweepSpec) -> Plan:
    """Return the points of `spec` that meet its conditions, each once.

    Raises:
        RecipeError: There are too many points or none, a condition or a recipe is malformed.
        ProfileError: An unknown device.
        DataError: The data does not fit a model.
    """
    if spec.count > MOST_POINTS:
        raise too_many(spec.count)
    devices = tuple(read_profile(d) if isinstance(d, str) else d for d in spec.devices)
    profiles = tuple(d.load() if isinstance(d, ProfileText) else d for d in devices)
    # Files of one name may lie in several folders, and rows say no folder.
    require_distinct((profile.name for profile in profiles), "device")
    data = tuple(None if spec.data is None else meant(graph, spec.data) for graph in spec.graphs)
    for graph, own in zip(spec.graphs, data, strict=True):
        if own is not None:
            stacked(graph, own.x)
    training = spec.training_data
    if training is None and spec.data is not None:
        # Training on what judges would make the accuracy worthless.
        own = f"{spec.data.name}, whose labels are kept to judge"
        training = replace(spec.data, y=None, name=own)
    digests = tuple(profile.sha256 for profile in profiles)
    enumeration = _Enumeration(spec, digests, _digest_of(spec))
    return Plan(
        spec=spec,
        places=enumeration.places(),
        devices=devices,
        profiles=profiles,
        digests=digests,
        data=data,
        training_data=training,
        is_steady=enumeration.is_steady,
    )


def _digest_of(spec: SweepSpec) -> Callable[[int], Mapping[str, object]]:
    """Return what tells, by model, the parts of a key that its points share."""
    judged, trained = digest_of_data(spec.data), digest_of_data(spec.training_data)

    @cache
    def shared(model: int) -> Mapping[str, object]:
        graph = digest_of_graph(spec.graphs[model])
        return {"model": graph, "data": judged, "training_data": trained}

    return shared


class _Enumeration:
    """Goes through the points of a spec."""

    def __init__(
        self,
        spec: SweepSpec,
        digests: tuple[str, ...],
        shared: Callable[[int], Mapping[str, object]],
    ) -> None:
        """Go through `spec`; `digests` are of profiles, `shared` has parts of keys by model."""
        self._spec, self._digests, self._shared = spec, digests, shared
        names = (*spec.names, "model", "recipe", "device", "seed")
        self._conditions = [condition(text, names) for text in spec.where]
        self._cached: dict[tuple[int, str], Made] = {}
        self._spelled: dict[tuple[str, int], str] = {}
        self.is_steady = False

    def places(self) -> tuple[Place, ...]:
        """Return the points, each once.

        Raises:
            RecipeError: None is left.
        """
        spec, choices = self._spec, self._spec.choices
        laid = laid_over(spec, choices)
        found: dict[str, Place] = {}
        every = product(range(len(spec.graphs)), range(len(spec.templates)))
        for model, template in every:
            for device, own in product(range(len(spec.devices)), laid):
                for choice, over in zip(choices, own, strict=True):
                    for place in self._repeated(model, template, device, over, choice):
                        found.setdefault(place.key, place)
        if not found:
            raise too_few(spec.count, spec.where)
        return tuple(found.values())

    def _repeated(
        self, model: int, template: int, device: int, laid: Mapping[str, Value], choice: Choice
    ) -> list[Place]:
        """Return a point under every seed that meets the conditions."""
        spec = self._spec
        found: list[Place] = []
        for seed in range(spec.repeats):
            made = self._made(template, choice, seed)
            if made is None:
                break
            names = {
                **choice,
                "model": spec.graphs[model].name,
                "recipe": made.name,
                "device": name_of(spec.devices[device]),
                "seed": seed,
            }
            if all(holds(names) for holds in self._conditions):
                found.append(self._place(model, made, device, laid, choice))
        return found

    def _made(self, template: int, choice: Choice, seed: int) -> Made | None:
        """Return the recipe for a choice and seed; None where another seed changes nothing."""
        given = self._spec.templates[template]
        key = template, repr([seed, *(choice[name] for name in given.parameters)])
        if key not in self._cached:
            recipe = given.at(choice)
            name = recipe.name
            if seed and not draws(recipe):
                self.is_steady = True
                return None
            if self._spec.repeats > 1 and draws(recipe):
                recipe = with_seed(recipe, seed)
            self._require_distinct(recipe, name, seed)
            self._cached[key] = Made(recipe=recipe, name=name, seed=seed, used=given.parameters)
        return self._cached[key]

    def _require_distinct(self, recipe: Recipe, name: str, seed: int) -> None:
        """Refuse two recipes of one name: files of one name may lie in several folders."""
        if self._spelled.setdefault((name, seed), str(recipe)) != str(recipe):
            raise RecipeError(
                f"recipe {name!r} is given twice, with other steps; rename or drop one"
            )

    def _place(
        self, model: int, made: Made, device: int, laid: Mapping[str, Value], choice: Choice
    ) -> Place:
        batch = choice.get(BATCH, 1)
        assert isinstance(batch, int)
        key = key_of(
            {
                **self._shared(model),
                "recipe": str(made.recipe),
                "name": made.name,
                "seed": made.seed,
                "profile": self._digests[device],
                "overrides": dict(laid),
                "batch": batch,
            }
        )
        used = {
            name: value
            for name, value in choice.items()
            if name in made.used or name == BATCH or name in laid
        }
        return Place(
            key=key, model=model, made=made, device=device, batch=batch, laid=laid, axes=used
        )
