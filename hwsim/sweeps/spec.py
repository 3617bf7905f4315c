"""Spec: everything that a sweep was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from hwsim.errors import ProfileError, RecipeError
from hwsim.sweeps.axes import BATCH, check_names, is_key
from hwsim.sweeps.grid import require_distinct
from hwsim.sweeps.sampling import Sampling
from hwsim.sweeps.templates import check_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records.points import Value
    from hwsim.sweeps.axes import Axis, Choice
    from hwsim.sweeps.templates import Template

_MOST_REPEATS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSpec:
    """What to sweep over.

    Attributes:
        graphs: Models, names distinct.
        templates: Recipes.
        devices: Names of profiles, paths, or profiles.
        overrides: Sets of dotted keys and values; each is laid over every device.
        axes: By name; a dotted one is a key of profiles, `batch` is samples per inference, others
            are parameters of recipes.
        sampling: Which combinations of the axes' values; each is tried for every model, recipe and
            device.
        where: Conditions that points must meet, see `hwsim.sweeps.where`.
        repeats: How often recipes that draw are applied, with seeds from 0 on; with 1 they keep
            their own.
        data: Labelled samples that judge; its activations tell zeros.
        training_data: What recipes calibrate and train on.
        text: Of the sweep, for people.
    """

    graphs: tuple[Graph, ...]
    templates: tuple[Template, ...]
    devices: tuple[str | DeviceProfile, ...]
    overrides: tuple[Mapping[str, Value], ...] = ({},)
    axes: Mapping[str, Axis] = field(default_factory=dict[str, "Axis"])
    sampling: Sampling = field(default_factory=Sampling)
    where: tuple[str, ...] = ()
    repeats: int = 1
    data: Data | None = None
    training_data: Data | None = None
    text: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without profiles.

        Raises:
            RecipeError: Something is named twice, or names do not match.
            ProfileError: Values are laid over a profile that is loaded already.
        """
        require_distinct((graph.name for graph in self.graphs), "model")
        require_distinct((template.text for template in self.templates), "recipe")
        require_distinct(map(name_of, self.devices), "device")
        names = self.names
        check_names(names, frozenset(key for laid in self.overrides for key in laid))
        check_parameters(
            self.templates, [name for name in names if not is_key(name) and name != BATCH]
        )
        if not 1 <= self.repeats <= _MOST_REPEATS:
            raise RecipeError(f"repeats: expected 1 to {_MOST_REPEATS}, got {self.repeats}")
        loaded = [device for device in self.devices if not isinstance(device, str)]
        if loaded and (any(self.overrides) or any(map(is_key, names))):
            raise ProfileError(
                f"{loaded[0].name}: overrides are laid over profiles given by name; this one is "
                "loaded already: give hwsim.device(name, **overrides)"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the axes, in the order asked for."""
        if self.sampling.kind != "list":
            return tuple(self.axes)
        return tuple(self.sampling.points[0])

    @property
    def choices(self) -> list[Choice]:
        """One value of each axis, in the order asked for."""
        choices = self.sampling.choices(self.axes)
        for batch in {choice[BATCH]: None for choice in choices if BATCH in choice}:
            if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
                raise RecipeError(
                    f"axis {BATCH}: expected whole numbers of samples from 1 on, got {batch!r}"
                )
        return choices

    @property
    def count(self) -> int:
        """How many points there are before any condition."""
        each = len(self.graphs) * len(self.templates) * len(self.devices) * len(self.overrides)
        return each * self.sampling.count(self.axes) * self.repeats


def laid_over(spec: SweepSpec, choices: list[Choice]) -> list[list[Mapping[str, Value]]]:
    """Return what each set of overrides and each choice lays over profiles, [overrides][choice]."""
    dotted = [{k: v for k, v in choice.items() if is_key(k)} for choice in choices]
    found = [{**laid, **own} for laid, own in product(spec.overrides, dotted)]
    width = len(choices)
    return [list(found[at : at + width]) for at in range(0, len(found), width or 1)]


def name_of(device: str | DeviceProfile) -> str:
    """Return the name of a device as it was given."""
    return device if isinstance(device, str) else device.name
