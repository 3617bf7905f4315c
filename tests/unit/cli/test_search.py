"""`hwsim search`: what it prints and writes, and what it refuses in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hwsim.data import Data, load_data
from hwsim.evaluation import Priced, evaluate, priced
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.profile import DeviceProfile
from tests.unit.cli.harness import DEVICE, Hwsim

RECIPES = """version: 1
axes:
  sparsity: {low: 0.0, high: 0.5, step: 0.25}
  bits: {choices: [4, 8]}
recipe: prune{structure=filter,sparsity={sparsity}}|quantize{weights={bits}}
objectives: [latency_s, flash_bytes]
"""
CALLABLE = """version: 1
axes:
  width: {choices: [2, 3, 6]}
  bits: {choices: [8]}
recipe: quantize{weights={bits}}
"""
SUPERNET = """version: 1
axes: {width1: {choices: [2, 4]}, depth1: {choices: [1, 2]}, kernel1_2: {choices: [1, 3]}}
recipe: quantize
supernet: {strides: [2], epochs: 2, optimizer: adam, finetune: {epochs: 1}}
"""
# A module that notes how often it was called, and knows no width of 3.
MODULE = """
import torch
def net(width):
    if width == 3:
        raise ValueError('no width of 3')
    with open('calls.txt', 'a') as file:
        print(width, file=file)
    layers = [torch.nn.Flatten(), torch.nn.Linear(48, width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 4)), (torch.zeros(1, 4, 4, 3),)
"""
JUDGED = ("--device", DEVICE, "--data", "data.npz")


def searched(text: str, *more: str, model: str = "float.hwsim") -> tuple[str, ...]:
    """Write the space and return the command."""
    Path("space.yaml").write_text(text)
    return ("search", model, "--space", "space.yaml", *JUDGED, *more)


def table(path: str = "o.csv") -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False)


def test_recipes_of_a_file_are_searched(hwsim: Hwsim) -> None:
    ended = hwsim(*searched(RECIPES, "--csv", "o.csv", "--output", "front"))
    assert ended.status == 0, ended.err
    rows = table()
    assert len(rows) == 6
    best = rows[rows["is_pareto"].astype(str) == "True"]
    assert f"{DEVICE}: {len(best)} of 6 trials are best" in ended.out
    for heading in ("latency [", "flash [", "top-1 [%]"):
        assert heading in ended.out
    # What is written is what was judged.
    written = {path.name: load(path) for path in Path("front").iterdir()}
    assert set(written) == {f"trial_{number}.hwsim" for number in best["trial"]}
    data = load_data("data.npz")
    for number, latency_s, top1 in zip(
        best["trial"], best["latency_s"], best["accuracy"], strict=True
    ):
        same = evaluate(written[f"trial_{number}.hwsim"], DEVICE, data)
        assert same.latency_s == pytest.approx(float(latency_s), rel=1e-12)
        assert same.accuracy is not None
        assert same.accuracy.top1 == pytest.approx(float(top1))


@pytest.mark.slow
def test_a_callable_is_given_its_axes_and_trained(
    hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "family", raising=False)
    Path("family.py").write_text(MODULE)
    train = "train: {epochs: 2, optimizer: adam}\n"
    command = searched(CALLABLE + train, "--train-data", "data.npz", model="family:net")
    for name in ("o.csv", "again.csv"):
        ended = hwsim(*command, "--csv", name)
        assert ended.status == 0, ended.err
        assert "1 refused" in ended.out
    # Random weights come from the seed.
    assert Path("o.csv").read_text() == Path("again.csv").read_text()
    assert Path("calls.txt").read_text().split() == ["2", "6"] * 2
    rows = table()
    assert rows["width"].tolist() == [2, 3, 6]
    assert "ValueError: no width of 3" in str(rows["refused"].tolist()[1])


@pytest.mark.slow
def test_a_supernet_is_trained_once_and_its_front_finetuned(hwsim: Hwsim) -> None:
    command = searched(SUPERNET, "--train-data", "data.npz", model="supernet")
    for name in ("o.csv", "again.csv"):
        ended = hwsim(*command, "--csv", name, "--output", "front")
        assert ended.status == 0, ended.err
    assert Path("o.csv").read_text() == Path("again.csv").read_text()
    rows = table()
    # 2 widths by 1 + 2 kinds of depth: where there is one block, the second's kernel is no choice.
    assert (rows["stage"] == "search").sum() == 6
    assert (rows["stage"] == "finetuned").sum() >= 1
    (name, *_) = sorted(path.name for path in Path("front").iterdir())
    assert isinstance(load(f"front/{name}"), Graph)


def test_ctrl_c_keeps_what_is_finished(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def priced_thrice(graph: Graph, device: DeviceProfile, data: Data | None) -> Priced:
        calls.append(graph.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return priced(graph, device, data)

    monkeypatch.setattr("hwsim.search.judging.priced", priced_thrice)
    ended = hwsim(*searched(RECIPES, "--csv", "o.csv", "--output", "front"))
    assert ended.status == 130
    assert "stopped after 3 trials" in ended.err
    assert "of 3 trials are best" in ended.out
    assert len(table()) == 3
    assert list(Path("front").iterdir())


def test_nothing_finished_is_nothing_written(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **settings: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("hwsim.search.judging.priced", stop)
    ended = hwsim(*searched(RECIPES, "--csv", "o.csv"))
    assert ended.status == 130
    assert not Path("o.csv").exists()


MISTAKES: dict[str, tuple[str, str, str]] = {
    "no file": ("", "float.hwsim", "space.yaml: "),
    "key": (RECIPES + "colour: red\n", "float.hwsim", "colour: Extra inputs are not permitted"),
    "known keys": (RECIPES + "colour: red\n", "float.hwsim", "keys: version, axes, recipe, obj"),
    "version": (RECIPES.replace("1", "2", 1), "float.hwsim", "version: "),
    "axis": (RECIPES.replace("choices", "values"), "float.hwsim", "keys: choices, low, high, step"),
    "bounds": (RECIPES.replace("high: 0.5, ", ""), "float.hwsim", "either choices, or low and"),
    "step": (RECIPES.replace("0.25", "1.0e-9"), "float.hwsim", "at most 1000 values"),
    "no axes": ("version: 1\naxes: {}\n", "float.hwsim", "axes: "),
    "objective": (RECIPES + "objectives: [speed]\n", "float.hwsim", "objectives"),
    "figure": (RECIPES.replace("flash_bytes", "speed"), "float.hwsim", "no objective 'speed'"),
    "limit": (RECIPES + "constraints: {ram: 3}\n", "float.hwsim", "no constraint 'ram'"),
    "recipe": (RECIPES.replace("={bits}", "={bit}"), "float.hwsim", "{bit} names no axis; known: "),
    "step name": (RECIPES.replace("quantize", "shrink"), "float.hwsim", "no step 'shrink'"),
    "idle axis": (RECIPES.replace("={bits}", "=8"), "float.hwsim", "axis bits has nothing to"),
    "train": (RECIPES + "train: {epochs: 1}\n", "float.hwsim", "train is for module:callable"),
    "train key": (CALLABLE + "train: {epoch: 1}\n", "family:net", "train.epoch: "),
    "no labels": (CALLABLE + "train: {epochs: 1}\n", "family:net", "labelled --train-data"),
    "supernet": (RECIPES + "supernet: {strides: [1]}\n", "float.hwsim", "is for MODEL supernet"),
    "no supernet": (RECIPES, "supernet", "expected the key supernet, got none"),
    "supernet data": (SUPERNET, "supernet", "expected labelled --train-data, got none"),
    "supernet axis": (SUPERNET.replace("depth1", "depth2"), "supernet", "no axis 'depth2'"),
    "strides": (SUPERNET.replace("[2]", "[0]"), "supernet", "supernet.strides.0: "),
    "all refused": (RECIPES, "int8.hwsim", "none of 6 trials worked: "),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(hwsim: Hwsim, name: str) -> None:
    text, model, told = MISTAKES[name]
    command = searched(text, "--csv", "o.csv", model=model)
    ended = hwsim(*command)
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not Path("o.csv").exists()


def test_accuracy_needs_labels(hwsim: Hwsim) -> None:
    with np.load("data.npz") as file:
        np.savez("x.npz", x=file["x"])
    text = RECIPES.replace("flash_bytes", "accuracy")
    ended = hwsim(*searched(text, "--data", "x.npz"))
    assert ended.status == 2
    assert "no y in x.npz; give --data, or leave accuracy out" in ended.err
