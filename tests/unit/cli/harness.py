"""Run the command line in this process, and make the files that it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

import compressors
from hwsim.cli import main
from hwsim.data import Data
from hwsim.interchange import save
from tests.graphs import mlp, samples

DEVICE = "stm32l4r5_tflm"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Hwsim: TypeAlias = Callable[..., Ended]


def fill(folder: Path) -> None:
    """Write a float and an int8 model, and labelled samples."""
    graph = mlp()
    x = samples(graph, 20).astype(np.float32)[:, 0]
    y = np.arange(20) % 4
    save(graph, folder / "float.hwsim")
    quantized = compressors.parse("quantize").apply(graph, Data(x=x))
    save(quantized, folder / "int8.hwsim")
    np.savez(folder / "data.npz", x=x, y=y)


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hwsim:
    def run(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["hwsim", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run
