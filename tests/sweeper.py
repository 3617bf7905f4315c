"""A small sweep into a store that says what it does, for tests that kill it."""

from __future__ import annotations

import random
import time
from pathlib import Path

from hwsim.store import Store
from tests.points import AXES, point

COMPUTED = "computed"
KEPT = "kept"


def sweep(path: Path, log: Path, count: int, seed: int) -> None:
    """Keep the points 0 .. `count` - 1 that are not there yet, in batches of 1 to 5.

    A line of `log` says what was computed, or kept: it is written after the fact, at once.
    """
    drawn = random.Random(seed)
    with log.open("a", encoding="utf-8", buffering=1) as told, Store.open(path) as store:
        store.begin("", AXES, [point(i).key for i in range(count)])
        finished = store.finished()
        missing = [i for i in range(count) if point(i).key not in finished]
        while missing:
            size = drawn.randint(1, 5)
            batch, missing = missing[:size], missing[size:]
            for index in batch:
                time.sleep(drawn.uniform(0, 4e-4))
                told.write(f"{COMPUTED} {index}\n")
            store.keep([point(index) for index in batch])
            told.write("".join(f"{KEPT} {index}\n" for index in batch))
