"""`hwsim formats`: what the tables say, and that they say it on 80 columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hwsim.channels.layers import layers_of
from hwsim.formats import FORMATS
from hwsim.interchange import load
from tests.unit.cli.harness import Hwsim


@pytest.fixture(autouse=True)
def _narrow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.is_dir()  # It sets another width first.
    monkeypatch.setenv("COLUMNS", "80")


def record(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_every_format_is_listed_with_when_it_pays(hwsim: Hwsim) -> None:
    ended = hwsim("formats", "--json", "o.json")
    assert (ended.status, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "…" not in ended.out
    listed = record("o.json")["formats"]
    names = [fmt.name for fmt in FORMATS]
    assert list(dict.fromkeys(row["name"] for row in listed)) == names
    firsts = [cells[0] for cells in rows(ended.out)]
    assert list(dict.fromkeys(name for name in firsts if name in names)) == names
    shares = {(row["name"], row["of"]): row["int8"] for row in listed}
    assert shares["csr", "weights"] == pytest.approx(0.49, abs=0.01)
    assert shares["bsr4x4", "blocks"] > shares["bsr4x4", "weights"]
    assert shares["2:4", "groups"] == 1
    assert shares["dense", ""] is None
    # Each row is named, and says the zeros, as all other tables do; records say what may stay.
    table = [cells for cells in rows(ended.out) if cells[0] in names]
    assert len(table) == len(listed)
    for cells, row in zip(table, listed, strict=True):
        words = " ".join(cells)
        if row["int8"] is None:
            assert words.endswith("- -")
        elif row["int8"] < 1 and row["float32"] < 1:
            zeros = [int(cells[-4]), int(cells[-2])]
            kept = [row["int8"], row["float32"]]
            assert all(0 <= z / 100 - (1 - k) < 0.01 for z, k in zip(zeros, kept, strict=True))
        else:
            assert "always" in words


def test_bytes_of_each_layer_are_those_that_are_encoded(hwsim: Hwsim) -> None:
    recipe = ("--recipe", "prune{sparsity=0.9}|quantize", "--data", "data.npz")
    ended = hwsim("formats", "float.hwsim", *recipe, "--json", "o.json", "--format", "rle5")
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    told = record("o.json")
    for layer in told["layers"]:
        known = {name: size for name, size in layer["bytes"].items() if size is not None}
        assert known[layer["smallest"]] == min(known.values())
        assert {fmt.name for fmt in FORMATS} | {"rle5"} == layer["bytes"].keys()
    for name, total in told["total_bytes"].items():
        sizes = [layer["bytes"][name] for layer in told["layers"]]
        assert total == (None if None in sizes else sum(sizes))
    # What encode makes of it takes as many.
    totals = [total for total in told["total_bytes"].values() if total is not None]
    assert told["smallest_bytes"] <= min(totals)
    hwsim("compress", "float.hwsim", *recipe[:1], recipe[1] + "|encode", *recipe[2:], "--output",
          "small.hwsim")  # fmt: skip
    encoded = [op.weight for op in layers_of(load("small.hwsim")).values()]
    fewest = [
        min(size for name, size in layer["bytes"].items() if name != "rle5" and size is not None)
        for layer in told["layers"]
    ]
    assert [weight.storage_bytes for weight in encoded] == fewest
    assert "the step encode does that" in ended.out or "rle5*" in ended.out


def test_the_smallest_of_each_layer_is_marked(hwsim: Hwsim) -> None:
    hwsim("formats", "int8.hwsim", "--json", "o.json")
    layers = record("o.json")["layers"]
    marked = {
        cells[0]: [cell for cell in cells if cell.endswith("*")]
        for cells in rows(hwsim("formats", "int8.hwsim").out)
    }
    for layer in layers:
        assert f"{layer['bytes'][layer['smallest']]:,}*" in marked[layer["name"]]


def test_a_model_of_reals_has_no_smaller_format(hwsim: Hwsim) -> None:
    out = " ".join(hwsim("formats", "float.hwsim", "--format", "3:16").out.split())
    assert "100 % of dense" in out
    assert "Smaller than dense in no layer: csr, csc, bitmask" in out
    assert "Take no layer as it is: 1:4, 2:4, 4:8, signs, trits, 3:16." in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "prune{sparsity=0.5}"), "--recipe is for a model, got none"),
        (("--format", "rle5"), "--format is for a model, got none"),
        (("int8.hwsim", "--format", "bitmap"), "did you mean bitmask?"),
        (("float.hwsim", "--recipe", "quantize"), "expected calibration inputs, got none"),
        (("nothing.hwsim",), "nothing.hwsim: no such file"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: tuple[str, ...], words: str, hwsim: Hwsim) -> None:
    ended = hwsim("formats", *arguments)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
