"""Recipes: compressors in a row, and the text that names them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from compressors._finite import require_finite
from compressors.workbench import Workbench
from hwsim.data import Data
from hwsim.errors import DataError, RecipeError
from hwsim.graph import Graph, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from compressors._compressor import Compressor, DataNeed
    from compressors.workbench import Price

_STRONGEST_FIRST: tuple[DataNeed, ...] = ("labelled", "calibration", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Compressors that run one after the other; `str` gives the spec that parses back to it.

    Attributes:
        steps: At least one.
        label: Name in reports; two recipes of the same steps are equal whatever it is.
    """

    steps: tuple[Compressor, ...]
    label: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The label, or the spec string where there is none."""
        return self.label or str(self)

    @property
    def needs(self) -> DataNeed:
        """The most that any step needs beside the graph."""
        needs = {step.needs for step in self.steps}
        return next(need for need in _STRONGEST_FIRST if need in needs)

    @property
    def is_priced(self) -> bool:
        """Whether the result depends on what graphs cost on the device at hand."""
        return any(step.is_priced for step in self.steps)

    def __str__(self) -> str:
        """Return the spec string, such as `prune{sparsity=0.9}|quantize`."""
        return "|".join(str(step) for step in self.steps)

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        """Return what the steps make of `graph`, which is left as it is.

        Args:
            graph: What to compress.
            data: For the steps that need some.
            price: What a graph costs, for the steps that ask.

        Raises:
            RecipeError: A step does not fit the graph, or lacks data.
            DataError: The data does not fit the graph.
        """
        return self.compress(graph, Workbench(data=data, price=price))

    def compress(
        self,
        graph: Graph,
        bench: Workbench,
        on_step: Callable[[Compressor, Graph], None] | None = None,
    ) -> Graph:
        """Return what the steps make of `graph`, as `apply` does.

        Args:
            graph: What to compress; the teacher too, where `bench` has no other.
            bench: What the steps may use.
            on_step: Called after each step with the step and the graph it made.

        Raises:
            RecipeError: A step does not fit the graph, or something it needs is missing.
            DataError: The data does not fit the graph.
        """
        _check_types(graph, bench.data)
        _check_range(bench.data)
        require_finite(graph, "recipe", "mend the model first")
        bench = replace(bench, original=graph)
        for step in self.steps:
            bench = bench.before(graph)
            made = bench.watcher.step(str(step), graph, bench, partial(step.compress, graph, bench))
            graph = require_finite(validate(made), step.name, "lower its rates, or leave it out")
            if on_step is not None:
                on_step(step, graph)
        return graph


def _check_types(graph: object, data: object) -> None:
    if not isinstance(graph, Graph):
        raise RecipeError(
            f"recipe: expected a graph to compress, got {type(graph).__name__}; "
            "hwsim.load makes one"
        )
    if data is not None and not isinstance(data, Data):
        raise RecipeError(
            f"{graph.name}: recipe: expected data as hwsim.Data, got {type(data).__name__}; "
            "hwsim.Data(x=...) makes it"
        )


def _check_range(data: Data | None) -> None:
    """Refuse reals that no float32 holds: sums of their squares leave float64 too."""
    if data is None or data.x.dtype.kind != "f":
        return
    largest, limit = float(np.abs(data.x).max(initial=0.0)), float(np.finfo(np.float32).max)
    if largest > limit:
        raise DataError(
            f"{data.name}: x holds magnitudes up to {largest:.3g}; expected at most {limit:.3g}, "
            "the largest of float32; scale the inputs as the model expects them"
        )
