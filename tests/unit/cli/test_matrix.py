"""`hwsim matrix` as a person types it."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from tests.unit.cli.harness import DEVICE, Hwsim

TWO = ("--device", "sparse_pe64_sim", "--device", DEVICE)
FEW = ("--structure", "unstructured", "--structure", "filter", "--sparsity", "0.5")


def test_an_integer_model_is_pruned_as_it_is(hwsim: Hwsim) -> None:
    ended = hwsim("matrix", "int8.hwsim", *TWO, *FEW, "--json", "o.json")
    assert (ended.status, ended.err) == (0, "wrote o.json\n")
    made = json.loads(Path("o.json").read_text(encoding="utf-8"))
    assert made["base_recipe"] == "none"
    assert made["devices"] == [DEVICE, "sparse_pe64_sim"]
    assert [len(each["rungs"]) for each in made["ladders"]] == [1, 1, 1, 1]
    falls_back, filters, walks, _ = made["ladders"]
    assert (walks["executed_as"], walks["crossover"]) == ("native", 0.0)
    assert (falls_back["executed_as"], falls_back["crossover"]) == ("dense_fallback", None)
    assert falls_back["rungs"][0]["speedup"] == 1.0
    assert filters["rungs"][0]["speedup"] > 1.0


def test_a_float_model_becomes_integer(hwsim: Hwsim) -> None:
    for more, base in (
        ((), "quantize{calibration_samples=1,calibration=synthetic}"),
        (("--data", "data.npz"), "quantize"),
        (("--train-data", "data.npz"), "quantize"),
        (("--then", "none"), "none"),
    ):
        ended = hwsim("matrix", "float.hwsim", "--device", DEVICE, *FEW, *more, "--json", "o.json")
        assert ended.status == 0, ended.err
        made = json.loads(Path("o.json").read_text(encoding="utf-8"))
        assert made["base_recipe"] == base
        assert (made["dense_accuracy"] is None) is ("--data" not in more)


def test_every_report_is_written(hwsim: Hwsim) -> None:
    files = ("--json", "o.json", "--csv", "o.csv", "--md", "o.md", "--html", "o.html")
    names = ("--structure", "filter,rounded", "--structure", "2:4", "--sparsity", "0.9")
    data = ("--data", "data.npz", "--tolerance", "1", "--set", "hardware.clock_hz=1e6")
    ended = hwsim("matrix", "int8.hwsim", *TWO, *names, *data, *files, "--jobs", "2")
    assert (ended.status, ended.err.count("wrote")) == (0, 4)
    for name in files[1::2]:
        assert DEVICE in Path(name).read_text(encoding="utf-8")
    with open("o.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["sparsity"] for row in rows] == ["0.9", "0.5"] * 2
    # All accuracy may be lost, so each ladder's fastest rung is as right.
    assert {row["at_equal_accuracy"] for row in rows} == {"True"}
    assert {row["overrides"] for row in rows} == {"hardware.clock_hz=1000000.0"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--structure", "foo"), "structure: expected unstructured"),
        (("--structure", "3:2"), "structure: expected unstructured"),
        (("--structure", "a,b{"), "structure: expected unstructured"),
        (("--structure", "2:4", "--structure", "2:4"), "given twice"),
        (("--structure", "head"), "expected attention with heads"),
        (("--sparsity", "0"), "more than 0 and less than 1"),
        (("--sparsity", "1.0"), "more than 0 and less than 1"),
        (("--sparsity", "nan"), "more than 0 and less than 1"),
        (("--device", "nowhere"), "no device profile 'nowhere'"),
        (("--device", DEVICE), "given twice"),
        (("--then", "nothing"), "no step 'nothing'"),
        (("--then", "mixed_precision{budget_cost=0.5}"), "the same for every device"),
        (("--tolerance", "2"), "--tolerance"),
        (("--jobs", "0"), "--jobs"),
        (("--set", "hardware.klock=1"), "klock"),
        (("--data", "missing.npz"), "missing.npz: no such file"),
        (("--html", "nowhere/o.html"), "nowhere/o.html: cannot write there"),
    ],
)
def test_a_mistake_is_one_line_and_no_file(
    arguments: tuple[str, ...], message: str, hwsim: Hwsim
) -> None:
    before = sorted(os.listdir())
    ended = hwsim("matrix", "int8.hwsim", "--device", DEVICE, "--csv", "o.csv", *arguments)
    assert (ended.status, len(ended.err.splitlines())) == (2, 1), ended
    assert ended.err.startswith("hwsim: ")
    assert message in ended.err
    assert sorted(os.listdir()) == before


def test_a_device_that_refuses_is_listed_beside_those_that_do_not(hwsim: Hwsim) -> None:
    devices = ("--device", DEVICE, "--device", "systolic64_sim")
    ended = hwsim("matrix", "float.hwsim", *devices, *FEW, "--then", "none")
    assert ended.status == 0
    assert "systolic64_sim: " in ended.out
    assert "quantize the model" in " ".join(ended.out.split())


def test_where_all_refuse_it_is_a_mistake(hwsim: Hwsim) -> None:
    ended = hwsim("matrix", "float.hwsim", "--device", "systolic64_sim", "--then", "none")
    assert (ended.status, ended.out) == (2, "")
    assert "quantize the model" in ended.err
