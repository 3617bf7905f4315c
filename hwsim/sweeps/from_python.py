"""`hwsim.sweep`: everything from Python."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from hwsim.errors import RecipeError
from hwsim.frame import frame
from hwsim.sweeps.arguments import check_data, check_lists, check_settings, engine_of
from hwsim.sweeps.axes import Listed, Spread, axis_of, listed
from hwsim.sweeps.plan import plan
from hwsim.sweeps.run import run
from hwsim.sweeps.sampling import Sampling
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.row import Recipe
    from hwsim.sweeps.axes import Axis, Choice
    from hwsim.sweeps.grid import Overrides
    from hwsim.sweeps.keeper import Keeper
    from hwsim.sweeps.sampling import Kind
    from hwsim.sweeps.templates import Parse


def sweep(
    models: Sequence[Graph],
    recipes: Sequence[Recipe | str],
    devices: Sequence[str | DeviceProfile],
    *,
    overrides: Sequence[Overrides] = ({},),
    data: Data | None = None,
    training_data: Data | None = None,
    axes: Mapping[str, object] | None = None,
    sampling: Kind = "grid",
    samples: int | None = None,
    seed: int = 0,
    points: Sequence[Choice] = (),
    where: Sequence[str] = (),
    repeats: int = 1,
    parse: Parse | None = None,
    executor: Executor | None = None,
    store: Keeper | None = None,
) -> pd.DataFrame:
    """Return one row per point, columns in base units: see `hwsim.frame`.

    Args:
        models: From `hwsim.load`.
        recipes: From `compressors.parse`; or texts in which `{name}` stands for an axis, which
            `parse` reads.
        devices: Names, or profiles from `hwsim.device`.
        overrides: Sets of dotted keys and values, each laid over every named device.
        data: Labelled samples, for accuracy.
        training_data: For recipes that calibrate or train.
        axes: By name, a list of values, or a mapping with `from`, `to` and if wanted `steps`,
            `scale` (`linear` or `log`) and `whole`. Names: dotted keys of profiles, `batch`,
            parameters of recipes.
        sampling: `grid`, `random`, `latin_hypercube`, or `list`; each combination is tried for
            every model, recipe and device.
        samples: How many are drawn.
        seed: Of the draws.
        points: Of a list.
        where: Conditions on points, such as `scale.clock * 2 <= 4`.
        repeats: How often recipes that draw are applied, with seeds from 0 on.
        parse: `compressors.parse`, where recipes are texts.
        executor: Any `concurrent.futures.Executor`; here and now when None.
        store: Keeps points as they finish; what it has is not computed again.

    Raises:
        ProfileError: An unknown device or key, or a value that it cannot have.
        RecipeError: Axes, sampling, conditions or recipes are malformed.
        DataError: The data does not fit a model, or is a path.
        UnsupportedError: Models are no graphs, the executor is none, or the store keeps nothing.
    """
    check_lists(models, recipes, devices)
    check_settings(overrides, where, samples, seed, repeats)
    check_data(data, training_data)
    engine = engine_of(executor, store)
    spec = SweepSpec(
        graphs=tuple(models),
        templates=tuple(Template.of(recipe, parse) for recipe in recipes),
        devices=tuple(devices),
        overrides=cast("tuple[Choice, ...]", tuple(overrides)),
        axes=axes_given(axes or {}),
        sampling=Sampling(kind=sampling, samples=samples, seed=seed, points=tuple(points)),
        where=(where,) if isinstance(where, str) else tuple(where),
        repeats=repeats,
        data=data,
        training_data=training_data,
    )
    return frame(run(plan(spec), engine, keeper=store, are_told=store is not None).points)


_KEYS = ("from", "to", "steps", "scale", "whole")


def axes_given(axes: Mapping[str, object]) -> dict[str, Axis]:
    """Return the axes that lists and mappings describe.

    Raises:
        RecipeError: One is malformed; the message names it.
    """
    found: dict[str, Axis] = {}
    for name, given in axes.items():
        try:
            found[name] = axis_given(given)
        except RecipeError as error:
            raise RecipeError(f"axis {name}: {error}") from error
    return found


def axis_given(given: object) -> Axis:
    """Return the axis that a list or a mapping describes.

    Raises:
        RecipeError: It is malformed; the message names the key.
    """
    if isinstance(given, (Listed, Spread)):
        return given
    if isinstance(given, (list, tuple)):
        return listed(cast("Sequence[object]", given))
    if not isinstance(given, dict):
        raise RecipeError(
            f"expected [VALUE, ...] or {{from: LOW, to: HIGH, steps: N}}, got {given!r:.80}"
        )
    keys = cast("dict[str, object]", given)
    for key in keys:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise RecipeError(f"there is no key {key!r:.80}; {guess}known: {', '.join(_KEYS)}")
    low, high = _number(keys, "from"), _number(keys, "to")
    steps, scale, whole = keys.get("steps"), keys.get("scale", "linear"), keys.get("whole", False)
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int)):
        raise RecipeError(f"steps: expected a whole number, got {steps!r:.80}")
    if scale not in ("linear", "log"):
        raise RecipeError(f"scale: expected linear or log, got {scale!r:.80}")
    if not isinstance(whole, bool):
        raise RecipeError(f"whole: expected true or false, got {whole!r:.80}")
    return axis_of(low, high, steps, scale, is_whole=whole)


def _number(keys: Mapping[str, object], key: str) -> float:
    if key not in keys:
        raise RecipeError(f"{key}: expected a number, got nothing; a range has from and to")
    value = keys[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecipeError(f"{key}: expected a number, got {value!r:.80}")
    return value
