"""Keep what a recipe has finished in a folder, so that it can be stopped and go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from compressors.workbench import UNWATCHED
from hwsim.digest import digest_of_data, digest_of_graph, digest_of_texts
from hwsim.errors import HwsimError, RecipeError
from hwsim.npz import DAMAGES, read_arrays
from hwsim.version import __version__
from hwsim.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from compressors.workbench import Watcher, Workbench
    from hwsim.arrays import Array
    from hwsim.graph import Graph

_SUFFIX = ".hwsim"
# Of the digests that name files.
_DIGITS = 32


@dataclass(slots=True)
class _Step:
    """A step under way.

    Attributes:
        key: Says all that its result depends on.
        trainings: How many it has begun.
    """

    key: str
    trainings: int = 0


class Checkpoints:
    """A watcher that keeps the graphs of finished steps, and the last state of trainings.

    A file is named by a digest of all that it depends on: the graph that the step was given, its
    settings, the data, the original graph, the teacher, the graph before integers, `context`, and
    the version of hwsim. Whatever changes, what was kept before is not taken. States of a step go
    when it is finished.
    """

    def __init__(
        self,
        folder: Path,
        save: Callable[[Graph, Path], object],
        load: Callable[[Path], Graph],
        *,
        watcher: Watcher = UNWATCHED,
        context: str = "",
    ) -> None:
        """Keep things in `folder`, which is made where it is missing.

        Args:
            folder: May hold those of many recipes.
            save: Writes a graph to a path that ends in .hwsim.
            load: Reads it back, the same bit by bit.
            watcher: Told of every pass too.
            context: Whatever else results depend on: the device, for steps that ask for a price.

        Raises:
            RecipeError: There can be no such folder.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecipeError(
                f"{folder}: expected a folder for checkpoints, or none yet, "
                f"got {error.strerror}; name another"
            ) from error
        self._folder, self._save, self._load = folder, save, load
        self._watcher, self._context = watcher, context
        # Innermost last: a step may run a recipe of its own.
        self._steps: list[_Step] = []

    def step(self, spec: str, graph: Graph, bench: Workbench, make: Callable[[], Graph]) -> Graph:
        """See `Watcher.step`."""
        graphs = (graph, bench.original, bench.teacher, bench.real)
        held = ["" if own is None else digest_of_graph(own) for own in graphs]
        held.append(digest_of_data(bench.data))
        key = digest_of_texts(*held, spec, self._context, __version__)[:_DIGITS]
        finished = self._folder / f"{key}{_SUFFIX}"
        if finished.exists():
            return self._finished(finished)
        self._steps.append(_Step(key))
        try:
            made = self._watcher.step(spec, graph, bench, make)
        finally:
            self._steps.pop()
        with whole_file(finished) as part:
            self._save(made, part)
        for state in self._folder.glob(f"{key}.*.npz"):
            state.unlink()
        return made

    def _finished(self, path: Path) -> Graph:
        try:
            return self._load(path)
        except HwsimError as error:
            raise RecipeError(
                f"{path}: expected a finished step, got a damaged file ({error}); delete it"
            ) from error

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        """See `Watcher.on_epoch`."""
        self._watcher.on_epoch(done, total, loss)

    def keep(self, state: Mapping[str, Array]) -> None:
        """See `Watcher.keep`."""
        path = self._training
        if path is None:
            return
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, **cast("dict[str, Any]", state))

    def kept(self) -> Mapping[str, Array] | None:
        """See `Watcher.kept`.

        Raises:
            RecipeError: What was kept is damaged.
        """
        if self._steps:
            self._steps[-1].trainings += 1
        path = self._training
        if path is None or not path.exists():
            return None
        try:
            return read_arrays(path)
        except DAMAGES as error:
            raise RecipeError(
                f"{path}: expected the state of a training, got a damaged file; delete it"
            ) from error

    @property
    def _training(self) -> Path | None:
        """Where the state of the training under way lies; None outside a recipe."""
        if not self._steps:
            return None
        step = self._steps[-1]
        return self._folder / f"{step.key}.{step.trainings}.npz"
