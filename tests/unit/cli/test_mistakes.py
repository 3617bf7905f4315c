"""Every mistake of a user is one line on stderr, exit status 2, and no file written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.cli.harness import DEVICE, Hwsim
from tests.unit.interchange.damage import manifest_edited

SWEEP = f"version: 1\nmodels: [int8.hwsim]\nrecipes: [none]\ndevices: [{DEVICE}]\n"


def prepare(folder: Path) -> None:
    """Write everything that is wrong."""
    rng = np.random.default_rng(3)
    whole = (folder / "int8.hwsim").read_bytes()
    (folder / "cut.hwsim").write_bytes(whole[:1000])
    (folder / "random.hwsim").write_bytes(rng.bytes(5000))
    (folder / "random.tflite").write_bytes(rng.bytes(5000))
    (folder / "cut.tflite").write_bytes(b"\x1c\0\0\0TFL3" + rng.bytes(100))
    (folder / "empty.tflite").touch()
    (folder / "empty.hwsim").touch()
    (folder / "folder.tflite").mkdir()
    (folder / "model.txt").write_text("x")
    (folder / "cycle.hwsim").write_bytes(manifest_edited(whole, lambda m: m["nodes"].reverse()))
    (folder / "cycle.csv").write_text(
        "name,op,inputs,height,width,channels,kernel\ni,input,,8,8,3,\na,conv2d,a,,,4,3\n"
    )
    with np.load(folder / "data.npz") as file:
        x, y = file["x"], file["y"]
    np.savez(folder / "shape.npz", x=np.zeros((3, 7, 7, 1), np.float32), y=np.zeros(3, int))
    np.savez(folder / "nan.npz", x=np.where(x > 2, np.nan, x), y=y)
    np.savez(folder / "no_x.npz", inputs=x, y=y)
    np.savez(folder / "no_y.npz", x=x)
    np.savez(folder / "short_y.npz", x=x, y=y[:5])
    np.savez(folder / "real_y.npz", x=x, y=y + 0.5)
    np.savez(folder / "text.npz", x=np.array(["a", "b"]))
    np.savez(folder / "object.npz", x=np.array([{}, None], object))
    np.savez(folder / "none.npz", x=x[:0])
    (folder / "junk.npz").write_bytes(rng.bytes(500))
    for name, text in {
        "type": "hardware: {clock_hz: fast}",
        "unit": "hardware: {clock_hz: 120 MHz}",
        "key": "hardware: {klock_hz: 1.0e6}",
        "list": "hardware: []",
    }.items():
        heir = f"inherits: {DEVICE}\nname: {name}\ndescription: x\n{text}\n"
        (folder / f"{name}.yaml").write_text(heir)
    (folder / "broken.yaml").write_text("a: [")
    (folder / "models.py").write_text(
        "def raises(): raise RuntimeError('two\\nlines')\ndef number(): return 3\n"
    )
    for name, text in {
        "key": SWEEP + "colour: red\n",
        "nodevices": SWEEP.replace("devices", "#"),
        "version": SWEEP.replace("version: 1", "version: 2"),
        "empty": "",
        "text": "just text",
        "broken": "a: [",
        "bytes": "\udcff",
        "model": SWEEP.replace("int8.hwsim", "missing.hwsim"),
        "number": SWEEP.replace("[none]", "[3]"),
        "set": SWEEP + "set: {hardware.klock: [1]}\n",
        "noset": SWEEP + "set: {hardware.clock_hz: []}\n",
        "setone": SWEEP + "set: {hardware.clock_hz: 1.0e6}\n",
        "keys": SWEEP + "set: {1: [2]}\n",
        "twice": SWEEP.replace("[none]", "[none, none]"),
        "data": SWEEP + "data: missing.npz\n",
    }.items():
        (folder / f"sweep_{name}.yaml").write_text(text, errors="surrogateescape")


def evaluate(*more: str, model: str = "int8.hwsim", device: str = DEVICE) -> tuple[str, ...]:
    return ("evaluate", model, "--device", device, *more, "--json", "out.json")


def run(*more: str, model: str = "int8.hwsim", data: str = "data.npz") -> tuple[str, ...]:
    return ("run", model, "--data", data, "--output", "out.npz", *more)


def compress(*more: str, model: str = "float.hwsim") -> tuple[str, ...]:
    return ("compress", model, "--output", "out.hwsim", *more)


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "cut .hwsim": (evaluate(model="cut.hwsim"), "cut.hwsim: damaged"),
    "random .hwsim": (evaluate(model="random.hwsim"), "random.hwsim: damaged"),
    "random .tflite": (evaluate(model="random.tflite"), "random.tflite: not a TFLite file"),
    "cut .tflite": (evaluate(model="cut.tflite"), "cut.tflite: damaged"),
    "empty .tflite": (evaluate(model="empty.tflite"), "empty.tflite: "),
    "empty .hwsim": (evaluate(model="empty.hwsim"), "empty.hwsim: "),
    "missing": (evaluate(model="missing.tflite"), "missing.tflite: no such file"),
    "suffix": (evaluate(model="model.txt"), "got suffix '.txt'"),
    "directory": (evaluate(model="folder.tflite"), "folder.tflite: not a file"),
    "cycle": (evaluate(model="cycle.hwsim"), "a cycle?"),
    "cycle in a table": (evaluate(model="cycle.csv"), "no row before is named 'a'"),
    "no module": (evaluate(model="nowhere:make"), "No module named 'nowhere'"),
    "no callable": (evaluate(model="models:missing"), "no attribute 'missing'"),
    "raises": (evaluate(model="models:raises"), "RuntimeError: two lines"),
    "no nn.Module": (evaluate(model="models:number"), "expected an nn.Module, got int"),
    "shape": (evaluate("--data", "shape.npz"), "expects x of shape [samples, 4, 4, 3]"),
    "nan": (evaluate("--data", "nan.npz"), "nan.npz: x holds"),
    "no x": (evaluate("--data", "no_x.npz"), "no_x.npz: expected an array 'x'"),
    "short y": (evaluate("--data", "short_y.npz"), "short_y.npz: y is int64[5]"),
    "real y": (evaluate("--data", "real_y.npz"), "real_y.npz: y is float64[20]"),
    "text": (evaluate("--data", "text.npz"), "text.npz: x is"),
    "object": (evaluate("--data", "object.npz"), "object.npz: "),
    "no samples": (evaluate("--data", "none.npz"), "none.npz: x has shape [0"),
    "junk": (evaluate("--data", "junk.npz"), "junk.npz: "),
    "missing data": (evaluate("--data", "missing.npz"), "missing.npz: no such file"),
    "train shape": (evaluate("--train-data", "nan.npz"), "nan.npz: x holds"),
    "device": (evaluate(device="cortex_m99"), "no device profile 'cortex_m99'; `hwsim devices`"),
    "profile file": (evaluate(device="missing.yaml"), "missing.yaml: no such profile file"),
    "profile type": (evaluate(device="type.yaml"), "type: hardware.clock_hz: "),
    "profile unit": (evaluate(device="unit.yaml"), "got '120 MHz' (str)"),
    "profile key": (evaluate(device="key.yaml"), "klock_hz"),
    "profile section": (evaluate(device="list.yaml"), "list: "),
    "profile yaml": (evaluate(device="broken.yaml"), "broken.yaml: not readable as YAML"),
    "set key": (evaluate("--set", "hardware.klock=1"), "klock"),
    "set section": (evaluate("--set", "hardware=1"), "'hardware' is a section"),
    "set type": (evaluate("--set", "hardware.clock_hz=fast"), "hardware.clock_hz: "),
    "set list": (evaluate("--set", "hardware.clock_hz=[1"), "cannot be read as YAML"),
    "set form": (evaluate("--set", "hardware.clock_hz"), "expected KEY=VALUE"),
    "set negative": (evaluate("--set", "hardware.clock_hz=-1"), "hardware.clock_hz: "),
    "set nan": (evaluate("--set", "hardware.clock_hz=.nan"), "hardware.clock_hz: "),
    "recipe step": (evaluate("--recipe", "shrink{x=1}"), "no step 'shrink'; known: "),
    "recipe key": (evaluate("--recipe", "prune{sparsness=0.5}"), "no setting 'sparsness'"),
    "recipe range": (evaluate("--recipe", "prune{sparsity=1.5}"), "sparsity"),
    "recipe form": (evaluate("--recipe", "prune{sparsity"), "recipe"),
    "recipe empty": (evaluate("--recipe", ""), "recipe"),
    "recipe file": (evaluate("--recipe", "missing.yaml"), "missing.yaml"),
    "recipe yaml": (evaluate("--recipe", "broken.yaml"), "broken.yaml"),
    "training": (evaluate("--recipe", "finetune{epochs=1}", model="float.hwsim"), "finetune"),
    "recipe twice": (
        evaluate("--recipe", "none", "--recipe", "none"),
        "recipe 'none' is given twice",
    ),
    "nothing runs it": (
        evaluate(model="float.hwsim", device="ethos_u55_128_vela"),
        "ethos_u55_128_vela has no f32 kernel for conv2d",
    ),
    "output folder": (
        ("evaluate", "int8.hwsim", "--device", DEVICE, "--json", "none/out.json"),
        "none/out.json: cannot write there",
    ),
    "output is a folder": (
        ("evaluate", "int8.hwsim", "--device", DEVICE, "--html", "folder.tflite"),
        "folder.tflite: cannot write there",
    ),
    "run policy": (run("--numerics", "tflite-fast"), "no numerics policy 'tflite-fast'; known:"),
    "run no policy": (run("--numerics", ""), "no numerics policy ''; known:"),
    "run shape": (run(data="shape.npz"), "expects"),
    "run nan": (run(data="nan.npz"), "nan.npz: x holds"),
    "run output": (
        ("run", "int8.hwsim", "--data", "data.npz", "--output", "none/y.npz"),
        "cannot write there",
    ),
    "run against nobody": (
        run("--against", "litert-fast"),
        "no runtime 'litert-fast' to compare with; known: litert, litert-ref",
    ),
    "run against nothing": (run("--against", "missing.npz"), "missing.npz: no such file"),
    "run against junk": (run("--against", "junk.npz"), "junk.npz: not a readable .npz file"),
    "run against others": (run("--against", "no_x.npz"), "nothing to compare"),
    "run json alone": (run("--json", "out.json"), "give both"),
    "run without data": (("run", "int8.hwsim", "--output", "out.npz"), "--data"),
    "compress suffix": (
        ("compress", "float.hwsim", "--recipe", "none", "--output", "out.pt2"),
        "out.pt2: cannot write '.pt2'; writes: .tflite, .hwsim",
    ),
    "compress folder": (
        ("compress", "float.hwsim", "--recipe", "none", "--output", "none/out.hwsim"),
        "cannot write there",
    ),
    "compress without data": (compress("--recipe", "quantize"), "data"),
    "compress set": (
        compress("--recipe", "none", "--set", "clock=1"),
        "--set clock=1: expected --device",
    ),
    "compress steps": (
        compress("--recipe", "none", "--steps", "none/steps.csv"),
        "none/steps.csv: cannot write there",
    ),
    "compress judge": (
        compress("--recipe", "none", "--train-data", "data.npz", "--data", "no_y.npz"),
        "no_y.npz: expected labels, as --data judges",
    ),
    "sensitivity judge": (
        ("sensitivity", "float.hwsim", "--data", "no_y.npz", "--widths"),
        "no_y.npz: expected labels to judge by",
    ),
    "compress step": (compress("--recipe", "shrink"), "no step 'shrink'"),
    "compress without recipe": (compress(), "--recipe"),
    "sweep missing": (("sweep", "missing.yaml"), "missing.yaml: no such file"),
    "sweep key": (("sweep", "sweep_key.yaml"), "sweep_key.yaml: colour: "),
    "sweep devices": (("sweep", "sweep_nodevices.yaml"), "sweep_nodevices.yaml: devices: "),
    "sweep version": (("sweep", "sweep_version.yaml"), "sweep_version.yaml: version: "),
    "sweep empty": (("sweep", "sweep_empty.yaml"), "sweep_empty.yaml: file: "),
    "sweep text": (("sweep", "sweep_text.yaml"), "sweep_text.yaml: file: "),
    "sweep yaml": (("sweep", "sweep_broken.yaml"), "sweep_broken.yaml: not readable as YAML"),
    "sweep bytes": (("sweep", "sweep_bytes.yaml"), "sweep_bytes.yaml: not readable as YAML"),
    "sweep model": (("sweep", "sweep_model.yaml"), "missing.hwsim: no such file"),
    "sweep number": (("sweep", "sweep_number.yaml"), "sweep_number.yaml: recipes.0: "),
    "sweep set": (("sweep", "sweep_set.yaml"), "klock"),
    "sweep set of nothing": (("sweep", "sweep_noset.yaml"), "hardware.clock_hz"),
    "sweep set of one": (("sweep", "sweep_setone.yaml"), "set.hardware.clock_hz: "),
    "sweep set keys": (("sweep", "sweep_keys.yaml"), "sweep_keys.yaml: set."),
    "sweep recipe twice": (("sweep", "sweep_twice.yaml"), "recipe 'none' is given twice"),
    "sweep data": (("sweep", "sweep_data.yaml"), "missing.npz: no such file"),
    "sweep jobs": (("sweep", "sweep_key.yaml", "--jobs", "0"), "--jobs"),
    "sweep folder": (("sweep", "folder.tflite"), "folder.tflite"),
    "command": (("evalute", "int8.hwsim"), "No such command 'evalute'"),
    "option": (evaluate("--devise", "x"), "No such option"),
    "argument": (("evaluate",), "Missing argument 'MODEL...'"),
    "device argument": (("device",), "Missing argument"),
    "device name": (("device", "cortex_m99"), "no device profile 'cortex_m99'"),
    "check-profile missing": (("check-profile", "missing.yaml"), "missing.yaml: no such profile"),
}


@pytest.fixture
def wrong(folder: Path) -> Path:
    prepare(folder)
    return folder


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line(case: str, wrong: Path, hwsim: Hwsim) -> None:
    arguments, message = MISTAKES[case]
    before = sorted(os.listdir(wrong))
    ended = hwsim(*arguments)
    lines = ended.err.splitlines()
    assert (ended.status, len(lines)) == (2, 1), ended
    assert lines[0].startswith("hwsim: ")
    assert message in lines[0]
    assert "Traceback" not in ended.err
    assert sorted(set(os.listdir(wrong)) - {"__pycache__"}) == before


def test_a_real_process_ends_the_same_way(wrong: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from hwsim.cli import main; main()", *evaluate(model="cut.hwsim")],
        capture_output=True,
        text=True,
        check=False,
        cwd=wrong,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("hwsim: cut.hwsim: damaged .hwsim file")
    assert len(ended.stderr.splitlines()) == 1


def test_only_the_heavy_commands_import_heavy_libraries() -> None:
    heavy = ("numpy", "torch", "numba", "pandas", "plotly", "pydantic", "yaml", "rich")
    program = (
        "import sys\nfrom hwsim.cli import main\nsys.argv = ['hwsim', '--help']\n"
        "try: main()\nexcept SystemExit as e: print('status', e.code)\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert ended.stdout.splitlines()[-2:] == ["status 0", "[]"]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_ends_quietly(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    stop: Callable[..., None] = _interrupt
    monkeypatch.setattr("hwsim.data.load_data", stop)
    ended = hwsim(*run())
    assert (ended.status, ended.err) == (130, "")


def test_a_terminal_of_few_signs_still_gets_the_page(folder: Path) -> None:
    program = "import sys; sys.argv = ['hwsim', 'formats']; from hwsim.cli import main; main()"
    root = str(Path(__file__).parents[3])
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "rle4" in ended.stdout
