"""What the commands print and write where nothing is wrong."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from hwsim.execute import run
from hwsim.interchange import load
from hwsim.profile import known_devices, load_profile
from tests.unit.cli.harness import DEVICE, Hwsim


def results(path: str) -> list[dict[str, Any]]:
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    assert set(report) >= {"hwsim_version", "results"}
    return report["results"]


def test_evaluate_writes_every_report(hwsim: Hwsim) -> None:
    files = ("--json", "o.json", "--csv", "o.csv", "--md", "o.md", "--html", "o.html")
    ended = hwsim("evaluate", "int8.hwsim", "--device", DEVICE, "--data", "data.npz", *files)
    assert (ended.status, ended.err.count("wrote")) == (0, 4)
    assert DEVICE in ended.out
    for name in files[1::2]:
        assert DEVICE in Path(name).read_text(encoding="utf-8")
    (result,) = results("o.json")
    assert (result["model"], result["recipe"], result["accuracy"]["n"]) == ("mlp", "none", 20)
    for step in result["steps"]:
        # Sums of some floats in another order.
        assert math.isclose(sum(step["terms"].values()), step["latency_s"], rel_tol=1e-12)
    total = sum(step["latency_s"] for step in result["steps"])
    assert math.isclose(total, result["latency_s"], rel_tol=1e-12)
    assert result["latency_low_s"] <= result["latency_s"] <= result["latency_high_s"]


def test_evaluate_is_a_grid(hwsim: Hwsim) -> None:
    devices = ("--device", DEVICE, "--device", "rpi4_xnnpack")
    recipes = ("--recipe", "none", "--recipe", "prune{sparsity=0.5}")
    ended = hwsim("evaluate", "int8.hwsim", *devices, *recipes, "--json", "o.json")
    assert ended.status == 0
    assert len(results("o.json")) == 4


def test_half_the_clock_is_twice_the_time(hwsim: Hwsim) -> None:
    clock_hz = load_profile(DEVICE).hardware.clock_hz
    for name, factor in (("a.json", 1.0), ("b.json", 0.5)):
        override = f"hardware.clock_hz={clock_hz * factor:e}"
        hwsim("evaluate", "int8.hwsim", "--device", DEVICE, "--set", override, "--json", name)
    (fast,), (slow,) = results("a.json"), results("b.json")
    assert slow["latency_s"] > 1.5 * fast["latency_s"]
    assert slow["profile_sha256"] != fast["profile_sha256"]


def test_compare_tells_the_speed_up_over_the_first_recipe(hwsim: Hwsim) -> None:
    recipes = ("--recipe", "none", "--recipe", "prune{structure=filter,sparsity=0.5}")
    ended = hwsim("compare", "int8.hwsim", "--device", DEVICE, *recipes)
    assert ended.status == 0
    assert "speed-up" in ended.out


def test_run_writes_outputs_and_every_tensor(hwsim: Hwsim) -> None:
    arguments = ("run", "int8.hwsim", "--data", "data.npz", "--numerics", "xnnpack")
    assert hwsim(*arguments, "--output", "y.npz").status == 0
    assert hwsim(*arguments, "--output", "all.npz", "--all-tensors").status == 0
    graph = load("int8.hwsim")
    with np.load("data.npz") as file:
        x = file["x"]
    with np.load("y.npz") as file:
        (name,) = graph.outputs
        assert tuple(file.files) == (name, f"{name}_scale", f"{name}_zero_point")
        quant = graph.tensors[name].quant
        assert quant is not None
        assert (file[f"{name}_scale"],) == quant.scale
        assert (file[f"{name}_zero_point"],) == quant.zero_point
        np.testing.assert_array_equal(file[graph.outputs[0]], run(graph, x, "xnnpack"))
    with np.load("all.npz") as file:
        assert set(file.files) > set(graph.tensors)
        for name in graph.tensors:
            assert file[name].shape == (20, *graph.tensors[name].shape[1:])
            assert file[name].dtype == np.int8


def test_what_is_compressed_is_what_was_evaluated(hwsim: Hwsim) -> None:
    recipe = "prune{sparsity=0.5}|quantize"
    data = ("--data", "data.npz")
    device = ("--device", DEVICE)
    first = hwsim("evaluate", "float.hwsim", *device, *data, "--recipe", recipe, "--json", "a.json")
    made = hwsim("compress", "float.hwsim", "--recipe", recipe, *data, "--output", "small.hwsim")
    second = hwsim("evaluate", "small.hwsim", *device, *data, "--json", "b.json")
    assert (first.status, made.status, second.status) == (0, 0, 0)
    assert "wrote small.hwsim" in made.out
    (before,), (after,) = results("a.json"), results("b.json")
    assert before.pop("recipe") != after.pop("recipe")
    assert before == after


def test_what_a_file_holds_otherwise_is_told(hwsim: Hwsim) -> None:
    recipe = "prune{structure=2:4,layers=fc1}|quantize"
    made = hwsim(
        "compress", "float.hwsim", "--recipe", recipe, "--data", "data.npz", "--output", "m.tflite"
    )
    assert made.status == 0
    assert made.out.splitlines()[-1] == (
        "1 layer stored as 2:4 is written dense: .tflite has no such storage; .hwsim holds it; "
        "style sparse leaves its zeros out"
    )


@pytest.mark.slow
def test_a_sweep_is_the_same_with_two_processes(hwsim: Hwsim) -> None:
    Path("sweep.yaml").write_text(
        "version: 1\nmodels: [int8.hwsim]\nrecipes: [none, 'prune{sparsity=0.5}']\n"
        f"devices: [{DEVICE}]\nset: {{hardware.clock_hz: [80.0e+6, 120.0e+6]}}\ndata: data.npz\n",
        encoding="utf-8",
    )
    for jobs in ("1", "2"):
        files = ("--csv", f"{jobs}.csv", "--json", f"{jobs}.json")
        assert hwsim("sweep", "sweep.yaml", "--jobs", jobs, *files).status == 0
    for suffix in ("csv", "json"):
        one, two = Path(f"1.{suffix}").read_text(), Path(f"2.{suffix}").read_text()
        assert one == two
    assert len(json.loads(Path("1.json").read_text())["points"]) == 4


def test_paths_in_a_sweep_are_relative_to_it(hwsim: Hwsim, folder: Path) -> None:
    (folder / "sub").mkdir()
    for name in ("int8.hwsim", "data.npz"):
        (folder / name).rename(folder / "sub" / name)
    text = f"version: 1\nmodels: [int8.hwsim]\ndevices: [{DEVICE}]\ndata: data.npz\n"
    (folder / "sub" / "sweep.yaml").write_text(text, encoding="utf-8")
    assert hwsim("sweep", "sub/sweep.yaml").status == 0


def test_devices_lists_every_profile(hwsim: Hwsim) -> None:
    ended = hwsim("devices", "--json", "d.json")
    listed = json.loads(Path("d.json").read_text(encoding="utf-8"))["devices"]
    assert [entry["name"] for entry in listed] == list(known_devices())
    assert all({"name", "class", "runtime", "calibrated"} <= set(entry) for entry in listed)
    assert ended.status == 0
    assert all(name in ended.out for name in known_devices())


@pytest.mark.parametrize("name", known_devices())
def test_a_device_is_shown_as_a_profile_that_can_be_read(name: str, hwsim: Hwsim) -> None:
    ended = hwsim("device", name)
    shown: Any = yaml.safe_load(ended.out)
    assert (ended.status, shown["name"]) == (0, name)
    Path(f"{name}.yaml").write_text(ended.out, encoding="utf-8")
    assert load_profile(f"{name}.yaml") == load_profile(name)


@pytest.mark.parametrize("name", known_devices())
def test_shipped_profiles_pass_their_check(name: str, hwsim: Hwsim) -> None:
    ended = hwsim("check-profile", name)
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hardware: {clock_hz: fast}", "bad: hardware.clock_hz: "),
        ("hardware: {klock_hz: 1.0}", "klock_hz"),
        ("sources: {hardware.clock_hz: ''}", "clock_hz"),
    ],
)
def test_a_bad_profile_fails_its_check(text: str, message: str, hwsim: Hwsim) -> None:
    Path("bad.yaml").write_text(f"inherits: {DEVICE}\nname: bad\n{text}\n", encoding="utf-8")
    ended = hwsim("check-profile", "bad.yaml")
    assert (ended.status, ended.out) == (1, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", [(), ("evaluate",), ("run",), ("sweep",), ("check-profile",)])
def test_help(command: tuple[str, ...], hwsim: Hwsim) -> None:
    ended = hwsim(*command, "--help")
    assert ended.status == 0
    assert "Usage: " in ended.out


def test_reports_are_written_with_the_mode_that_the_user_wants(hwsim: Hwsim) -> None:
    hwsim("devices", "--json", "d.json")
    umask = os.umask(0)
    os.umask(umask)
    assert Path("d.json").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.slow
def test_a_callable_in_the_current_folder(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("hwsim_test_net.py").write_text(
        "import torch\n"
        "def make():\n"
        "    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()), "
        "(torch.zeros(1, 4),)\n",
        encoding="utf-8",
    )
    monkeypatch.delitem(sys.modules, "hwsim_test_net", raising=False)
    ended = hwsim("evaluate", "hwsim_test_net:make", "--device", DEVICE)
    assert ended.status == 0, ended


def test_a_step_is_explained(hwsim: Hwsim) -> None:
    ended = hwsim("recipes", "prune")
    assert ended.status == 0
    assert "round_to:" in ended.out
    assert "round_to = 1" in ended.out
    unknown = hwsim("recipes", "prun")
    assert (unknown.status, unknown.out) == (2, "")
    assert "no step 'prun'; known: adaround," in unknown.err


def test_sensitivity_tells_each_layer_and_ratios_within_a_drop(hwsim: Hwsim) -> None:
    ended = hwsim(
        "sensitivity", "float.hwsim", "--data", "data.npz", "--max-drop", "1", "--csv", "s.csv"
    )
    assert ended.status == 0, ended
    rows = Path("s.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("layer,ratio,sparsity,top1,drop")
    assert len(rows) == 1 + 5 * len({row.split(",")[0] for row in rows[1:]})
    assert 'prune{ratios="' in ended.out
    widths = hwsim("sensitivity", "float.hwsim", "--data", "data.npz", "--widths")
    assert widths.status == 0, widths
    assert (
        hwsim(
            "sensitivity", "float.hwsim", "--data", "data.npz", "--widths", "--max-drop", "0"
        ).status
        == 2
    )


def test_compress_tells_what_each_step_did(hwsim: Hwsim) -> None:
    data = ("--train-data", "data.npz", "--data", "data.npz")
    command = ("compress", "float.hwsim", "--recipe", "prune{sparsity=0.5}|quantize", *data)
    ended = hwsim(*command, "--output", "o.hwsim", "--steps", "s.csv", "--checkpoints", "kept")
    assert ended.status == 0, ended
    assert "original" in ended.out
    assert "top-1 [%]" in ended.out
    assert "50.0" in ended.out
    assert Path("s.csv").read_text(encoding="utf-8").startswith("index,step,name,op,shape")
    first = Path("o.hwsim").read_bytes()
    kept = sorted(path.name for path in Path("kept").iterdir())
    assert len(kept) == 2
    again = hwsim(*command, "--output", "o.hwsim", "--checkpoints", "kept")
    assert again.status == 0
    assert Path("o.hwsim").read_bytes() == first
    assert sorted(path.name for path in Path("kept").iterdir()) == kept
