"""Sweep files: what they say, what they may not say, and stores from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hwsim as package
from hwsim.cli.sweep_file import read_sweep
from hwsim.errors import HwsimError
from hwsim.sweeps.axes import Listed, Spread
from tests.graphs import residual
from tests.unit.cli.conftest import Hwsim

HEAD = "version: 1\nmodels: [net.hwsim]\ndevices: [rpi4_xnnpack]\n"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    package.save(residual(), tmp_path / "net.hwsim")
    return tmp_path / "sweep.yaml"


def test_every_key_is_read(sweep: Path) -> None:
    sweep.write_text(
        HEAD + "recipes: [none, 'prune{sparsity={s}}']\n"
        "axes: {s: [0.5, 0.9], scale.clock: {from: 0.5, to: 2, scale: log}, batch: [1, 2]}\n"
        "set: {hardware.clock_hz: [480e6, 1.0e+9]}\n"
        "sampling: latin_hypercube\nsamples: 7\nseed: 3\n"
        "where: [s > 0.5]\nrepeats: 2\n",
        encoding="utf-8",
    )
    spec = read_sweep(sweep, [])
    assert list(spec.axes) == ["hardware.clock_hz", "s", "scale.clock", "batch"]
    assert spec.axes["hardware.clock_hz"] == Listed((480e6, 1e9))
    assert spec.axes["scale.clock"] == Spread(low=0.5, high=2, scale="log")
    assert (spec.sampling.kind, spec.sampling.samples, spec.sampling.seed) == (
        "latin_hypercube", 7, 3,
    )  # fmt: skip
    assert (spec.where, spec.repeats) == (("s > 0.5",), 2)
    assert [template.parameters for template in spec.templates] == [(), ("s",)]


MISTAKES = {
    "models: [net.hwsim]": ("models: ['os:getcwd']", "a file runs no code; give it"),
    "models": ("#", "models: expected at least one path"),
    "devices: [rpi4_xnnpack]": ("devices: [rpi44]", "no device profile 'rpi44'"),
    "": ("axes: {s: 3}", "axes.s: "),
    "#1": ("axes: {s: {from: 1}}", "axes.s.*: .*Field required|axes.s"),
    "#2": ("axes: {s: {from: 1, to: 2, step: 1}}", "axes.s"),
    "#3": ("axes: {s: [1]}", r"axis 's': no recipe has \{s\}"),
    "#4": ("axes: {latency_s: [1]}", "is a column of the table"),
    "#5": ("axes: {a.b: [1]}\nset: {a.b: [2]}", "'a.b' stands in set and in axes"),
    "#6": ("set: {bits: [2]}", "set.bits: expected a dotted key"),
    "#7": ("sampling: sobol", "sampling: "),
    "#8": ("sampling: random", "random expected samples: N"),
    "#9": ("samples: 3", "grid expected no samples"),
    "#10": ("sampling: list\npoints: [{a.b: 1}, {c.d: 2}]", "points.1: expected values of a.b"),
    "#11": ("points: [{a.b: 1}]\naxes: {c.d: [1]}\nsampling: list", "expected no axes beside"),
    "#12": ("repeats: 0", "repeats: "),
    "#13": ("axes: {scale.clock: [.nan]}", "axes.scale.clock"),
    "#15": ("axes: {s: {from: 1}}", "axes.s: to: expected a number, got nothing; a range has"),
    "#16": ("axes: {s: {from: 1, to: 2, step: 3}}", "no key 'step'; did you mean steps"),
    "#17": ("axes: {s: {from: 1, to: 2, steps: 1}}", "axes.s: steps: expected 2 to"),
    "#18": ("axes: {s: {from: 1, to: 2, steps: 2.5}}", "axes.s: steps: expected a whole number"),
    "#19": ("axes: {s: {from: 1, to: 2, scale: ln}}", "axes.s: scale: expected linear or log"),
    "#20": ("axes: {s: {from: 1, to: .inf}}", "axes.s: expected finite numbers, from < to"),
    "#21": ("axes: {s: [1, .nan]}", "axes.s: expected finite numbers, got nan"),
    "#22": ("axes: {s: [1, 1.0]}", "axes.s: expected each value once"),
    "#23": ("axes: {s: [[1]]}", "axes.s: expected numbers, texts, true or false, got"),
    "#24": ("axis: {s: [1]}", "axis: there is no such key; did you mean axes.* keys: version"),
    "#25": ("sampling: list\npoints: [{a.b: .nan}]", "points.0.a.b: expected a finite number"),
    "#26": ("sampling: list\npoints: [{a.b: [1]}]", "points.0.a.b: expected a number, a text"),
    "#27": ("samples: 1.5", "samples: expected a whole number, got 1.5$"),
    "#28": ("where: 3", "where: expected a list, got 3$"),
    "#29": ("repeats: 0", "repeats: expected 1 or more, got 0$"),
    "#30": ("sampling: sobol", "sampling: expected 'grid', 'random'.* got 'sobol'$"),
    "version: 1": ("version: true", "version: expected 1, got True; write version: 1"),
    "version: 1\n": ("version: 1.0\n", "version: expected 1, got 1.0"),
    "version": ("#", "version: expected 1, got nothing"),
    "devices": ("#", "devices: expected a value, got nothing"),
    "#14": ("where: scale.clock > 1", "where: "),
}


@pytest.mark.parametrize("old", MISTAKES)
def test_a_mistake_is_told_in_one_line(old: str, sweep: Path) -> None:
    new, message = MISTAKES[old]
    is_added = not old or old.startswith("#")
    text = f"{HEAD}{new}\n" if is_added else HEAD.replace(old, new)
    sweep.write_text(text, encoding="utf-8")
    with pytest.raises(HwsimError, match=message) as refused:
        read_sweep(sweep, [])
    told = str(refused.value)
    assert "\n" not in told
    # Words of the schema's library tell a user nothing, nor does a list of keys that are all right.
    assert "SweepFile" not in told
    assert "nput should" not in told
    assert ("keys: version" in told) == ("no such key" in told)


def test_the_command_line_adds_models(sweep: Path) -> None:
    sweep.write_text(HEAD, encoding="utf-8")
    other = sweep.parent / "other.hwsim"
    package.save(package.load(sweep.parent / "net.hwsim"), other)
    assert len(read_sweep(sweep, ["examples.resnet18:resnet18"]).graphs) == 2


def test_a_store_is_gone_on_with_only_where_asked(hwsim: Hwsim) -> None:
    package.save(residual(), "net.hwsim")
    Path("sweep.yaml").write_text(HEAD + "axes: {scale.clock: [1, 2]}\n", encoding="utf-8")
    assert hwsim("sweep", "sweep.yaml", "--store", "runs.db", "--json", "a.json").status == 0
    again = hwsim("sweep", "sweep.yaml", "--store", "runs.db")
    assert again.status == 2
    assert "--resume goes on with it" in again.err
    done = hwsim("sweep", "sweep.yaml", "--store", "runs.db", "--resume", "--json", "b.json")
    assert done.status == 0
    first, second = (json.loads(Path(f"{n}.json").read_text())["points"] for n in "ab")
    assert first == second
    assert hwsim("sweep", "sweep.yaml", "--resume").status == 2
    assert hwsim("sweep", "sweep.yaml", "--jobs", "2", "--dask", "local").status == 2
    assert hwsim("sweep", "sweep.yaml", "--csv", "no/such/folder.csv").status == 2


NAMED = {
    "net.hwsim": "--csv",
    "test.npz": "--json",
    "train.npz": "--md",
    "recipe.yaml": "--html",
    "board.yaml": "--parquet",
    "sweep.yaml": "--csv",
    "more.hwsim": "--store",
}


@pytest.mark.parametrize("name", NAMED)
def test_no_output_goes_over_a_file_that_the_sweep_names(name: str, hwsim: Hwsim) -> None:
    package.save(residual(), "net.hwsim")
    shutil.copy("net.hwsim", "more.hwsim")
    for data in ("test.npz", "train.npz"):
        shutil.copy("data.npz", data)
    Path("recipe.yaml").write_text("steps: [{name: quantize}]\n", encoding="utf-8")
    Path("board.yaml").write_text("inherits: rpi4_xnnpack\nname: board\n", encoding="utf-8")
    Path("sweep.yaml").write_text(
        "version: 1\nmodels: [net.hwsim]\nrecipes: [none, recipe.yaml]\ndevices: [board.yaml]\n"
        "data: test.npz\ntrain_data: train.npz\n",
        encoding="utf-8",
    )
    before = Path(name).read_bytes()
    resumed = ["--resume"] if NAMED[name] == "--store" else []
    done = hwsim("sweep", "sweep.yaml", "--model", "more.hwsim", NAMED[name], f"./{name}", *resumed)
    assert done.status == 2
    assert "it is read" in done.err
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize("recipes", ["[quantize, none]", "['prune{sparsity={s}}', none]"])
def test_the_baseline_is_the_first_recipe_asked_for(recipes: str, hwsim: Hwsim) -> None:
    package.save(residual(), "net.hwsim")
    axes = "axes: {s: [0.5, 0.9]}\n" if "{s}" in recipes else ""
    Path("sweep.yaml").write_text(f"{HEAD}recipes: {recipes}\n{axes}", encoding="utf-8")
    assert hwsim("sweep", "sweep.yaml", "--json", "live.json").status == 0
    assert hwsim("sweep", "sweep.yaml", "--store", "runs.db", "--json", "kept.json").status == 0
    assert hwsim("report", "runs.db", "--json", "report.json").status == 0
    told = {json.loads(Path(f"{n}.json").read_text())["baseline"] for n in ("live", "kept")}
    told.add(json.loads(Path("report.json").read_text())["baseline"])
    (baseline,) = told
    assert baseline != "none"
    assert "0.9" not in baseline


FRUITLESS = {
    "a batch that no machine holds": "axes: {batch: [1000000000000]}\n",
    "nothing to calibrate on": "recipes: ['quantize{activations=8}']\n",
    "all refused, as the device takes no floats": "recipes: [none]\n",
    "no such key": "axes: {hardware.klock_hz: [1]}\n",
}


@pytest.mark.parametrize("why", FRUITLESS)
def test_a_mistake_leaves_no_new_store_behind(why: str, hwsim: Hwsim) -> None:
    package.save(residual(), "net.hwsim")
    head = HEAD.replace("rpi4_xnnpack", "sparse_pe64_sim") if "floats" in why else HEAD
    Path("sweep.yaml").write_text(head + FRUITLESS[why], encoding="utf-8")
    done = hwsim("sweep", "sweep.yaml", "--store", "runs.db")
    assert done.status == 2
    assert not list(Path().glob("*runs.db*"))
