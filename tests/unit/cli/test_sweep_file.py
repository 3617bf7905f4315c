"""Sweep files: what they say, what they may not say, and stores from the command line."""

from __future__ import annotations

import json
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
    assert "\n" not in str(refused.value)


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
