"""`hwsim search --store`: kills, --resume, several devices and constraints."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from hwsim.store import Store
from tests.unit.cli.harness import DEVICE, Hwsim

SPACE = """version: 1
axes:
  width: {low: 2, high: 9}
  bits: {choices: [8]}
  zeros: {choices: [0.0, 0.25, 0.5, 0.75]}
recipe: prune{sparsity={zeros}}|quantize{weights={bits}}
objectives: [latency_s, flash_bytes]
"""
# A module that notes when it is called, and takes its time.
MODULE = """
import time
import torch
def net(width):
    with open('calls.txt', 'a') as file:
        print(width, file=file)
    time.sleep(0.05)
    layers = [torch.nn.Flatten(), torch.nn.Linear(48, width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 4)), (torch.zeros(1, 4, 4, 3),)
"""
OTHER = "sparse_pe64_sim"
FILES = """version: 1
axes:
  zeros: {choices: [0.0, 0.5]}
recipe: prune{sparsity={zeros}}|quantize
objectives: [latency_s, flash_bytes]
constraints: [fits 256 KiB RAM, latency <= 20 ms]
"""


def command(*more: str, model: str = "float.hwsim", text: str = FILES) -> tuple[str, ...]:
    Path("space.yaml").write_text(text)
    return ("search", model, "--space", "space.yaml", "--data", "data.npz", *more)


def finished(path: str) -> int:
    """Return how many points a store has by now; another process may be making it."""
    if not Path(path).exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as connection:
        try:
            (count,) = connection.execute("SELECT count(*) FROM hwsim_points").fetchone()
        except sqlite3.OperationalError:
            return 0
        return int(count)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_search_goes_on(hwsim: Hwsim) -> None:
    # No other test imports a module of this name: Python keeps the first.
    Path("brood.py").write_text(MODULE)
    words = (*command(model="brood:net", text=SPACE), "--device", DEVICE, "--trials", "12")
    words = (*words, "--store", "runs.db", "--csv", "o.csv")
    begin = [sys.executable, "-c", "from hwsim.cli import main; main()", *words]
    for more in (3, 6):
        child = subprocess.Popen(
            [*begin, "--resume"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
            stderr=subprocess.PIPE,
        )
        while finished("runs.db") < more and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        _, told = child.communicate()
        assert child.returncode == -signal.SIGKILL, told.decode()
    before = finished("runs.db")
    assert 6 <= before < 12
    ended = hwsim(*words, "--resume")
    assert ended.status == 0, ended.err
    rows = pd.read_csv("o.csv")
    assert rows["refused"].isna().all(), rows["refused"].dropna().tolist()
    assert "of 12 trials are best" in ended.out
    # What was finished is not built again; each kill costs the trial that was under way.
    assert 12 <= len(Path("calls.txt").read_text().split()) <= 12 + 2
    with Store.read("runs.db") as store:
        points = store.points().points
    assert len(points) == 12
    assert rows["latency_s"].tolist() == [point.latency_s for point in points]
    with closing(sqlite3.connect("runs.db")) as connection:
        states = {state for (state,) in connection.execute("SELECT state FROM trials")}
    assert states <= {"COMPLETE", "FAIL"}


def test_trials_are_there_for_reports_and_are_not_done_again(
    hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = command("--device", DEVICE, "--device", OTHER, "--store", "runs.db", "--csv", "o.csv")
    first = hwsim(*words)
    assert first.status == 0, first.err
    assert "by the geometric mean of 2 devices" in first.out
    assert DEVICE in first.out
    assert OTHER in first.out
    text = Path("o.csv").read_text()
    again = hwsim(*words)
    assert again.status == 2
    assert "this search lives here already; give --resume" in again.err

    def judged_again(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr("hwsim.search.judging.priced", judged_again)
    again = hwsim(*words, "--resume", "--output", "front")
    assert again.status == 0, again.err
    assert Path("o.csv").read_text() == text
    rows = pd.read_csv("o.csv")
    assert rows["device"].tolist() == [DEVICE, OTHER] * 2
    best = set(rows[rows["is_pareto"]]["trial"])
    # What was let go is built again to be written.
    assert {path.name for path in Path("front").iterdir()} == {f"trial_{n}.hwsim" for n in best}
    with Store.read("runs.db") as store:
        study = store.study()
    assert study.points is not None
    assert {point.recipe for point in study.points.points} == {
        "prune{sparsity=0.0}|quantize",
        "prune{sparsity=0.5}|quantize",
    }
    assert {point.model for point in study.points.points} == {"float"}
    assert all(result.detail is not None for result in study.comparison.results)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("--seed", "1"), "its seed differs"),
        (("--set", "hardware.clock_hz=80e6"), "its devices differs"),
        (("--constraint", "latency < 1 s, energy < 1 J"), "its space differs"),
        (("--train-data", "data.npz"), "its training data differs"),
    ],
)
def test_another_search_is_not_resumed(hwsim: Hwsim, changed: tuple[str, ...], told: str) -> None:
    words = command("--device", DEVICE, "--store", "runs.db")
    assert hwsim(*words).status == 0
    ended = hwsim(*words, "--resume", *changed)
    assert ended.status == 2
    assert ended.err.strip() == (
        f"hwsim: runs.db: another search lives here ({told}); give another path"
    )


def test_constraints_of_the_command_line_join_those_of_the_file(hwsim: Hwsim) -> None:
    words = command("--device", DEVICE, "--device", OTHER, "--csv", "o.csv")
    hwsim(*words)
    rows = pd.read_csv("o.csv", keep_default_na=False)
    assert set(rows["violated"]) == {""}
    flash = sorted(rows[rows["device"] == OTHER]["flash_bytes"])
    hwsim(*words, "--constraint", f"flash@{OTHER} < {flash[-1]} B", "--constraint", "fits")
    rows = pd.read_csv("o.csv", keep_default_na=False)
    told = dict(zip(rows["zeros"], rows["violated"], strict=True))
    assert told == {0.0: f"flash_bytes@{OTHER}", 0.5: ""}


MISTAKES = {
    "no store": (("--resume",), "--resume expected --store RUNS.db"),
    "constraint": (("--constraint", "speed < 3"), "constraint 'speed < 3': no figure 'speed'"),
    "device": (("--constraint", "latency@h200 < 1 s"), "expected a device that judges, got 'h200'"),
    "twice": (("--device", DEVICE), "is given twice"),
    "labels": (("--constraint", "accuracy > 0.5", "--data", "x.npz"), "no such file"),
    "folder": (("--store", "nowhere/runs.db"), "nowhere is no folder"),
    "another": (("--store", "data.npz"), "cannot write there (it is read)"),
    "no store's": (("--store", "int8.hwsim", "--resume"), "expected a store of hwsim"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(hwsim: Hwsim, name: str) -> None:
    more, told = MISTAKES[name]
    ended = hwsim(*command("--device", DEVICE, *more))
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_texts_of_the_space_are_checked(hwsim: Hwsim) -> None:
    text = FILES.replace("latency <= 20 ms", "latency <= 20 miles")
    ended = hwsim(*command("--device", DEVICE, text=text))
    assert ended.status == 2
    assert "space.yaml: constraints: " in ended.err
    assert "latency_s has no unit 'miles'; known: s, ms" in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_front_of_nothing_is_said(hwsim: Hwsim) -> None:
    ended = hwsim(*command("--device", DEVICE, "--device", OTHER, "--constraint", "< 1 ns"))
    assert ended.status == 0, ended.err
    assert "0 of 2 trials (2 beyond a limit) are best" in ended.out
