"""A recipe that is stopped and started again ends with the same bits, and takes nothing stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compressors import Workbench, parse
from compressors.checkpoints import Checkpoints
from compressors.finetune import Finetune
from compressors.workbench import UNWATCHED, Unwatched
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.interchange import load, save
from tests.graphs import mlp, samples

RECIPE = "prune{sparsity=0.5}|finetune{epochs=3}|finetune{epochs=4,optimizer=adam,seed=1}|quantize"


class Stopper(Unwatched):
    """Counts passes, and stops as a user would after so many."""

    def __init__(self, passes: int = 1000) -> None:
        self.left, self.seen = passes, 0

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        del done, total, loss
        self.left, self.seen = self.left - 1, self.seen + 1
        if self.left == 0:
            raise KeyboardInterrupt


def data(seed: int = 1) -> Data:
    x = samples(mlp(), 48, seed)
    return Data(x=x, y=np.arange(48) % 4)


def codes(graph: Graph) -> list[bytes]:
    return [weight.codes.tobytes() for node in graph.nodes for weight in node.op.constants]


def run(folder: Path, stopper: Stopper, graph: Graph, given: Data, recipe: str = RECIPE) -> Graph:
    def write(made: Graph, path: Path) -> None:
        save(made, path, None)

    watcher = Checkpoints(folder, write, load, watcher=stopper)
    return parse(recipe).compress(graph, Workbench(data=given, watcher=watcher))


@pytest.mark.parametrize("passes", range(1, 8))
def test_a_stopped_recipe_goes_on_to_the_same_bits(tmp_path: Path, passes: int) -> None:
    expected = parse(RECIPE).apply(mlp(), data())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Stopper(passes), mlp(), data())
    second = Stopper()
    assert codes(run(tmp_path, second, mlp(), data())) == codes(expected)
    # Seven passes in all: none is taken twice.
    assert second.seen == 7 - passes


def test_what_is_finished_is_not_done_again_and_states_go(tmp_path: Path) -> None:
    first = run(tmp_path, Stopper(), mlp(), data())
    again = Stopper()
    assert codes(run(tmp_path, again, mlp(), data())) == codes(first)
    assert again.seen == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".hwsim"}
    assert len(list(tmp_path.iterdir())) == 4


def test_other_data_graphs_and_settings_begin_anew(tmp_path: Path) -> None:
    run(tmp_path, Stopper(), mlp(), data())
    for graph, given, recipe, passes in (
        (mlp(), data(seed=2), RECIPE, 7),
        (replace(mlp(), name="other"), data(), RECIPE, 7),
        (mlp(), replace(data(), y=np.arange(48)[::-1] % 4), RECIPE, 7),
        (mlp(), data(), RECIPE.replace("sparsity=0.5", "sparsity=0.4"), 7),
        (mlp(), data(), RECIPE.replace("seed=1", "seed=2"), 4),
    ):
        stopper = Stopper()
        made = run(tmp_path, stopper, graph, given, recipe)
        assert stopper.seen == passes
        assert codes(made) == codes(parse(recipe).apply(graph, given))


class Bulletin(Unwatched):
    """Remembers states, and gives one back."""

    def __init__(self, state: Mapping[str, Array] | None = None) -> None:
        self.states: list[Mapping[str, Array]] = []
        self._state = state

    def keep(self, state: Mapping[str, Array]) -> None:
        self.states.append(state)

    def kept(self) -> Mapping[str, Array] | None:
        return self._state


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_states_are_plain_arrays_from_which_every_pass_follows(optimizer: str) -> None:
    step = Finetune.model_validate({"epochs": 3, "optimizer": optimizer, "weight_decay": 0.01})
    whole = Bulletin()
    expected = step.compress(mlp(), Workbench(data=data(), watcher=whole))
    assert [int(state["epoch"]) for state in whole.states] == [1, 2, 3]
    assert all(array.dtype.kind in "iuf" for array in whole.states[0].values())
    for state in whole.states:
        bench = Workbench(data=data(), watcher=Bulletin(state))
        assert codes(step.compress(mlp(), bench)) == codes(expected)
    # Without the moments of the optimizer it would have gone elsewhere.
    bare = {k: v for k, v in whole.states[0].items() if not k.startswith("optimizer")}
    bench = Workbench(data=data(), watcher=Bulletin(bare))
    assert codes(step.compress(mlp(), bench)) != codes(expected)


def test_nothing_is_kept_outside_a_recipe(tmp_path: Path) -> None:
    watcher = Checkpoints(tmp_path, lambda made, path: save(made, path, None), load)
    bench = Workbench(data=data(), watcher=watcher)
    Finetune(epochs=1).compress(mlp(), bench)
    assert not list(tmp_path.iterdir())


def test_damaged_states_and_folders_that_are_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Stopper(1), mlp(), data())
    (state,) = tmp_path.glob("*.npz")
    state.write_bytes(b"PK")
    with pytest.raises(RecipeError, match=r"^[^\n]*a damaged file; delete it$"):
        run(tmp_path, Stopper(), mlp(), data())
    with pytest.raises(RecipeError, match="expected a folder for checkpoints"):
        Checkpoints(state, lambda made, path: None, load, watcher=UNWATCHED)


def test_a_damaged_finished_step_is_named(tmp_path: Path) -> None:
    run(tmp_path, Stopper(), mlp(), data(), "prune{sparsity=0.5}")
    (finished,) = tmp_path.glob("*.hwsim")
    finished.write_bytes(finished.read_bytes()[:-1])
    with pytest.raises(RecipeError, match=r"^[^\n]*finished step, got a damaged .*; delete it$"):
        run(tmp_path, Stopper(), mlp(), data(), "prune{sparsity=0.5}")
