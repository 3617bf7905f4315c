"""A grid in full: a result for each model, recipe, device and set of overrides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.errors import ProfileError, RecipeError
from hwsim.profile import load_profile
from hwsim.records import Comparison, Refusal, Result
from hwsim.row import Recipe, Row, Target
from hwsim.version import __version__

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.row import Outcome

Overrides: TypeAlias = Mapping[str, object]
"""Dotted profile keys and the values laid over them."""


def targets_of(
    devices: Iterable[str | DeviceProfile], overrides: Iterable[Overrides] = ({},)
) -> tuple[Target, ...]:
    """Return every device under every set of overrides.

    Raises:
        ProfileError: An unknown device or key.
    """
    targets: list[Target] = []
    for device, laid_over in product(devices, list(overrides)):
        texts = tuple(f"{key}={value}" for key, value in laid_over.items())
        if isinstance(device, str):
            profile = load_profile(device, laid_over)
        elif laid_over:
            raise ProfileError(
                f"{device.name}: overrides are laid over profiles given by name; this one is "
                "loaded already: give hwsim.device(name, **overrides)"
            )
        else:
            profile = device
        targets.append(Target(profile=profile, overrides=texts))
    require_distinct((f"{t.profile.name} {' '.join(t.overrides)}" for t in targets), "device")
    return tuple(targets)


def rows_of(
    models: Sequence[Graph],
    recipes: Sequence[Recipe],
    targets: tuple[Target, ...],
    data: Data | None,
    training_data: Data | None,
) -> list[Row]:
    """Return one row per model and recipe.

    Where no training data is given, recipes may calibrate on the inputs of `data`, without their
    labels; training on what judges would make the accuracy worthless.
    """
    require_distinct((graph.name for graph in models), "model")
    require_distinct((recipe.name for recipe in recipes), "recipe")
    if training_data is None and data is not None:
        training_data = replace(data, y=None, name=f"{data.name}, whose labels are kept to judge")
    return [
        Row(
            graph=graph,
            recipe=recipe,
            targets=targets,
            data=None if data is None else meant(graph, data),
            training_data=training_data,
        )
        for graph, recipe in product(models, recipes)
    ]


def require_distinct(names: Iterable[str], what: str) -> None:
    """Refuse two of one name: reports could not tell them apart."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise RecipeError(f"{what} {repeated[0].strip()!r} is given twice; rename or drop one")


def meant(graph: Graph, data: Data) -> Data:
    """Return `data` with integers that a float model takes as reals written as reals.

    A recipe may make the model an integer one, which would take them as codes.
    """
    takes_reals = graph.tensors[graph.inputs[0]].quant is None
    if not takes_reals or data.x.dtype.kind == "f":
        return data
    return replace(data, x=data.x.astype(np.float32 if data.x.dtype.itemsize <= 2 else np.float64))


def evaluate_rows(
    rows: Sequence[Row],
    *,
    baseline: str | None = None,
    executor: Executor | None = None,
    on_done: Callable[[Row], None] | None = None,
) -> Comparison:
    """Return the outcomes of all rows, in their order.

    Args:
        rows: From `rows_of`.
        baseline: Recipe that speed-ups refer to.
        executor: Where rows are evaluated; here and now when None.
        on_done: Called after each row.

    Raises:
        RecipeError: A recipe does not fit a model.
        DataError: The data does not fit a model.
    """
    evaluate = _evaluate_row
    finished = map(evaluate, rows) if executor is None else executor.map(evaluate, rows)
    outcomes: list[Outcome] = []
    for row, done in zip(rows, finished, strict=True):
        outcomes += done
        if on_done is not None:
            on_done(row)
    return Comparison(
        results=tuple(o for o in outcomes if isinstance(o, Result)),
        refusals=tuple(o for o in outcomes if isinstance(o, Refusal)),
        baseline=baseline,
        version=__version__,
    )


def _evaluate_row(row: Row) -> list[Outcome]:
    return row.evaluate()
