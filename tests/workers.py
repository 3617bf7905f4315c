"""Recipes that are hard on the workers which apply them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from hwsim.data import Data
from hwsim.graph import Graph
from hwsim.row import Price


@dataclass(frozen=True)
class Deadly:
    """Kills the process that applies it, as often as asked for; then leaves the model as it is.

    Attributes:
        folder: Where deaths are counted.
        deaths: How many.
    """

    folder: str
    deaths: int
    name: str = "deadly"
    is_priced: bool = False

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        del data, price
        died = len(list(Path(self.folder).glob("death*")))
        if died < self.deaths:
            (Path(self.folder) / f"death{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return graph


@dataclass(frozen=True)
class Waiting:
    """The first process that applies it says who it is, and waits to be killed; others go on.

    Attributes:
        folder: Where the process writes its id.
    """

    folder: str
    name: str = "waiting"
    is_priced: bool = False

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        del data, price
        file = Path(self.folder) / "pid"
        try:
            with file.open("x", encoding="utf-8") as text:
                text.write(str(os.getpid()))
        except FileExistsError:
            return graph
        time.sleep(300)
        return graph


def victim(folder: Path) -> int:
    """Return the id of the process that waits to be killed, once it does."""
    for _ in range(2000):
        file = folder / "pid"
        if file.exists() and (text := file.read_text(encoding="utf-8")):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("no worker came")
