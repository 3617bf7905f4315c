"""A small search with a store, its trials as they come."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

import compressors
import hwsim
from hwsim.data import Data
from hwsim.errors import UnsupportedError
from hwsim.graph import Graph
from hwsim.row import Target
from hwsim.search import Choice, Kept, Space, Trial, explore, front, judge_on, table
from hwsim.store import Store
from tests.graphs import mlp

TARGETS = [Target(profile=hwsim.device(name)) for name in ("stm32l4r5_tflm", "sparse_pe64_sim")]
NET = mlp()
X = np.random.default_rng(0).standard_normal((20, 4, 4, 3)).astype(np.float32)
DATA = Data(x=X, y=np.arange(20) % 4)
SPACE = Space(
    axes={
        "zeros": tuple(round(0.1 * i, 1) for i in range(5)),
        "bits": (4, 8),
        "odd": (False, True),
    },
    objectives=("latency_s", "accuracy"),
    limits={"accuracy": 0.1},
)
SOME, MORE = 8, 14


def build(choice: Choice) -> Graph:
    if choice["odd"] and choice["bits"] == 4:
        raise UnsupportedError("odd")
    spec = f"prune{{sparsity={choice['zeros']}}}|quantize{{weights={choice['bits']}}}"
    return compressors.parse(spec).apply(NET, Data(x=X))


def kept_in(store: Store, seed: int = 0) -> Kept:
    return Kept(
        store=store,
        identity={"model": "m", "seed": str(seed)},
        axes=tuple(SPACE.axes),
        targets=TARGETS,
        names=lambda choice: ("m", str(dict(choice))),
        seed=seed,
    )


def searched(
    path: Path, trials: int, *, resume: bool = False, built: list[Choice] | None = None
) -> Iterator[list[Trial]]:
    """Yield the trials so far, after each new one; the first time those of before."""

    def noted(choice: Choice) -> Graph:
        if built is not None:
            built.append(choice)
        return build(choice)

    with Store.open(path) as store:
        kept = kept_in(store)
        found = kept.begin(resume=resume)
        yield found
        judge = judge_on(TARGETS, DATA)
        for trial in explore(noted, SPACE, judge, trials, done=tuple(found), database=path):
            found = [*found, trial]
            best = {each.number for each in front(found, SPACE)}
            kept.keep(trial, is_best=trial.number in best)
            yield found


def all_of(path: Path, trials: int, *, resume: bool = False) -> list[Trial]:
    *_, found = searched(path, trials, resume=resume)
    return found


def rows(trials: Sequence[Trial]) -> pd.DataFrame:
    return table(trials, SPACE)


def states(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [state for (state,) in connection.execute("SELECT state FROM trials")]
