"""What `hwsim.sweep` takes: one line for each mistake that Python itself would tell late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, cast

from hwsim.data import Data
from hwsim.errors import DataError, ProfileError, RecipeError, UnsupportedError
from hwsim.graph import Graph
from hwsim.profile import DeviceProfile
from hwsim.sweeps.engines import on_executor
from hwsim.sweeps.run import here

if TYPE_CHECKING:
    from hwsim.errors import HwsimError
    from hwsim.sweeps.run import Engine

_KEEPS = ("begin", "finished", "told", "keep", "points")


def check_lists(models: object, recipes: object, devices: object) -> None:
    """Refuse what are no lists of graphs, recipes and devices, and lists of nothing.

    Raises:
        UnsupportedError: Models are not graphs.
        RecipeError: Recipes are neither texts nor recipes.
        ProfileError: Devices are neither names nor profiles.
    """
    graphs = _items("models", models, "[hwsim.load(path)]", UnsupportedError)
    for place, graph in enumerate(graphs):
        if not isinstance(graph, Graph):
            raise UnsupportedError(
                f"models[{place}]: expected a graph, got {_shown(graph)}; give hwsim.load(path)"
            )
    for place, recipe in enumerate(_items("recipes", recipes, '["none"]', RecipeError)):
        if not isinstance(recipe, str) and not hasattr(recipe, "apply"):
            raise RecipeError(
                f"recipes[{place}]: expected a recipe or its text, got {_shown(recipe)}; "
                "give compressors.parse(text)"
            )
    for place, device in enumerate(_items("devices", devices, '["rpi4_xnnpack"]', ProfileError)):
        if not isinstance(device, (str, DeviceProfile)):
            raise ProfileError(
                f"devices[{place}]: expected a name or a profile, got {_shown(device)}; "
                "give hwsim.device(name)"
            )


def check_settings(
    overrides: object, where: object, samples: object, seed: object, repeats: object
) -> None:
    """Refuse numbers that are not whole, and what are no overrides or conditions.

    Raises:
        ProfileError: Overrides are no list of mappings.
        RecipeError: Any of the others.
    """
    like = '[{"hardware.clock_hz": 80e6}]'
    for own in _items("overrides", overrides, like, ProfileError):
        if not isinstance(own, Mapping):
            raise ProfileError(f"overrides: expected mappings, got {_shown(own)}; give {like}")
    conditions = (where,) if isinstance(where, str) else where
    if not isinstance(conditions, Sequence) or not all(
        isinstance(each, str) for each in cast("Sequence[object]", conditions)
    ):
        raise RecipeError(
            f'where: expected a list of texts, got {_shown(where)}; give ["scale.clock < 2"]'
        )
    for name, value in (("samples", samples), ("seed", seed), ("repeats", repeats)):
        is_left_out = name == "samples" and value is None
        if not is_left_out and (isinstance(value, bool) or not isinstance(value, int)):
            raise RecipeError(
                f"{name}: expected a whole number, got {_shown(value)}; give {name}=1"
            )


def check_data(data: object, training_data: object) -> None:
    """Refuse what is no data, such as a path.

    Raises:
        DataError: See above.
    """
    for name, given in (("data", data), ("training_data", training_data)):
        if given is not None and not isinstance(given, Data):
            raise DataError(
                f"{name}: expected labelled samples, got {_shown(given)}; "
                f"give {name}=hwsim.load_data(path)"
            )


def engine_of(executor: object, store: object) -> Engine:
    """Return what does the jobs, where both are what they should be.

    Raises:
        UnsupportedError: `executor` is none, or `store` keeps nothing.
    """
    if store is not None and not all(hasattr(store, name) for name in _KEEPS):
        raise UnsupportedError(
            f"store: expected a store, got {_shown(store)}; give store=Store.open(path), "
            "from hwsim.store"
        )
    if executor is None:
        return here
    if not isinstance(executor, Executor):
        raise UnsupportedError(
            f"executor: expected a concurrent.futures.Executor, got {_shown(executor)}; "
            "give executor=ThreadPoolExecutor(4)"
        )
    return on_executor(executor)


def _items(name: str, given: object, like: str, error: type[HwsimError]) -> Sequence[object]:
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise error(f"{name}: expected a list, got {_shown(given)}; give {like}")
    items = cast("Sequence[object]", given)
    if not items:
        raise error(f"{name}: expected at least one, got none; give {like}")
    return items


def _shown(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return f"{value!r:.80}"
    return f"a {type(value).__name__}"
