"""Small sweeps into a store that say what they do, and are killed while they do it."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import compressors
from hwsim.records import Point, Points, Result
from hwsim.store import Store
from hwsim.sweeps.axes import Listed
from hwsim.sweeps.plan import Plan, plan
from hwsim.sweeps.run import run
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template
from tests.graphs import mlp
from tests.points import AXES, point

COMPUTED = "computed"
KEPT = "kept"
SPARSITIES = tuple(i / 100 for i in range(25))
CLOCKS = (40_000_000, 80_000_000, 120_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """When a process is killed: by itself, so that a busy machine changes little.

    Attributes:
        points: How many points it computes before.
        delay_s: How long it lives on, which may end between any two instructions.
    """

    points: int
    delay_s: float

    def come(self) -> None:
        time.sleep(self.delay_s)
        os.kill(os.getpid(), signal.SIGKILL)


class Told:
    """A store that writes a line once points have reached it, and one once they are kept."""

    def __init__(self, store: Store, log: TextIO, death: Death) -> None:
        self._store = store
        self._log = log
        self._death = death
        self._computed = 0

    def begin(self, spec: str, axes: tuple[str, ...], keys: Iterable[str] = ()) -> None:
        self._compute(0)
        self._store.begin(spec, axes, keys)

    def finished(self) -> frozenset[str]:
        return self._store.finished()

    def told(self) -> frozenset[str]:
        return self._store.told()

    def points(self) -> Points:
        return self._store.points()

    def keep(self, points: Sequence[Point], results: Mapping[str, Result]) -> None:
        self._log.write("".join(f"{COMPUTED} {each.key}\n" for each in points))
        self._compute(len(points))
        self._store.keep(points, results)
        self._log.write("".join(f"{KEPT} {each.key}\n" for each in points))

    def _compute(self, count: int) -> None:
        before, self._computed = self._computed, self._computed + count
        if before <= self._death.points <= self._computed:
            threading.Thread(target=self._death.come, daemon=True).start()


def made(path: Path, log: Path, death: Death, count: int) -> None:
    """Keep made-up points 0 .. `count` - 1 that are not there yet, in batches of 1 to 5."""
    drawn = random.Random(death.points)
    with log.open("a", encoding="utf-8", buffering=1) as file, Store.open(path) as opened:
        store = Told(opened, file, death)
        store.begin("", AXES, [point(i).key for i in range(count)])
        finished = store.finished()
        missing = [i for i in range(count) if point(i).key not in finished]
        while missing:
            size = drawn.randint(1, 5)
            batch, missing = missing[:size], missing[size:]
            time.sleep(drawn.uniform(0, 1e-3))
            store.keep([point(index) for index in batch], {})


def real(path: Path, log: Path, death: Death) -> None:
    """Run the sweep of `real_plan`, or what is left of it."""
    with log.open("a", encoding="utf-8", buffering=1) as file, Store.open(path) as store:
        run(real_plan(), keeper=Told(store, file, death), are_told=True)


def real_plan() -> Plan:
    """Return a sweep of 75 points in 25 jobs."""
    return plan(
        SweepSpec(
            graphs=(mlp(),),
            templates=(Template.of("prune{sparsity={sparsity}}", compressors.parse),),
            devices=("rpi4_xnnpack",),
            axes={
                "sparsity": Listed(values=SPARSITIES),
                "hardware.clock_hz": Listed(values=CLOCKS),
            },
        )
    )
