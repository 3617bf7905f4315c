"""Arguments of `hwsim.sweep` that are not what they should be: one line each, and what would do."""

from __future__ import annotations

import re
from typing import Any

import pytest

import compressors
from hwsim.errors import HwsimError
from hwsim.sweeps import sweep
from tests.graphs import mlp

RIGHT = {"models": [mlp()], "recipes": [compressors.parse("none")], "devices": ["rpi4_xnnpack"]}
WRONG: list[tuple[str, object, str]] = [
    ("models", ["net.pt2"], "models[0]: expected a graph, got 'net.pt2'; give hwsim.load(path)"),
    ("models", "net.pt2", "models: expected a list, got 'net.pt2'; give [hwsim.load(path)]"),
    ("models", mlp(), "models: expected a list, got a Graph; give [hwsim.load(path)]"),
    ("models", [], "models: expected at least one, got none; give [hwsim.load(path)]"),
    ("models", None, "models: expected a list, got a NoneType"),
    ("recipes", [3], "recipes[0]: expected a recipe or its text, got 3; give compressors.parse("),
    ("recipes", "none", "recipes: expected a list, got 'none'; give [\"none\"]"),
    ("recipes", [], "recipes: expected at least one"),
    ("devices", "rpi4_xnnpack", "devices: expected a list, got 'rpi4_xnnpack'; give ["),
    ("devices", [], "devices: expected at least one"),
    ("devices", [4], "devices[0]: expected a name or a profile, got 4; give hwsim.device(name)"),
    ("data", "x.npz", "data: expected labelled samples, got 'x.npz'; give data=hwsim.load_data("),
    ("training_data", [1], "training_data: expected labelled samples, got a list; give"),
    ("store", "runs.db", "store: expected a store, got 'runs.db'; give store=Store.open(path)"),
    ("executor", 3, "executor: expected a concurrent.futures.Executor, got 3; give"),
    ("samples", 2.5, "samples: expected a whole number, got 2.5; give samples=1"),
    ("samples", True, "samples: expected a whole number, got True"),
    ("seed", None, "seed: expected a whole number, got a NoneType"),
    ("repeats", "2", "repeats: expected a whole number, got '2'"),
    ("overrides", {"hardware.clock_hz": 1e6}, "overrides: expected a list, got a dict; give [{"),
    ("overrides", ["a=1"], "overrides: expected mappings, got 'a=1'; give [{"),
    ("where", 3, "where: expected a list of texts, got 3; give"),
    ("where", [3], "where: expected a list of texts, got a list; give"),
]


@pytest.mark.parametrize(("name", "given", "message"), WRONG)
def test_a_mistake_is_told_in_one_line(name: str, given: object, message: str) -> None:
    arguments: dict[str, Any] = {**RIGHT, name: given}
    with pytest.raises(HwsimError, match=re.escape(message)) as refused:
        sweep(**arguments)
    assert "\n" not in str(refused.value)


def test_a_tuple_is_a_list_and_a_condition_alone_is_one() -> None:
    axes = {"scale.clock": [1.0, 2.0]}
    table = sweep((mlp(),), ("none",), ("rpi4_xnnpack",), axes=axes, where="scale.clock > 1",
                  parse=compressors.parse)  # fmt: skip
    assert len(table) == 1
