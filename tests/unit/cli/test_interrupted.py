"""Outputs are whole or absent: stopped at drawn moments, and on disks without room."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hwsim.interchange import load, save
from tests.graphs import mlp, samples

HWSIM = (sys.executable, "-c", "from hwsim.cli import main; main()")
# Room for the model's name and little more.
FEW_BYTES = 512


def made(folder: Path) -> Path:
    save(mlp(), folder / "m.hwsim")
    np.savez(folder / "x.npz", x=np.zeros((300, *mlp().tensors[mlp().inputs[0]].shape[1:]), "f4"))
    return folder


COMMANDS = {
    "compress": ("compress", "m.hwsim", "--recipe", "prune{sparsity=0.5}", "--output", "o.hwsim"),
    "tflite": ("compress", "m.hwsim", "--recipe", "prune{sparsity=0.5}", "--output", "o.tflite"),
    "onnx": ("compress", "m.hwsim", "--recipe", "prune{sparsity=0.5}", "--output", "o.onnx"),
    "evaluate": ("evaluate", "m.hwsim", "--device", "pixel2_xnnpack", "--json", "o.json"),
    "page": ("evaluate", "m.hwsim", "--device", "pixel2_xnnpack", "--html", "o.html"),
    "run": ("run", "m.hwsim", "--data", "x.npz", "--output", "o.npz"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_gives_one_line_and_leaves_nothing(command: str, tmp_path: Path) -> None:
    made(tmp_path)
    before = sorted(os.listdir(tmp_path))
    done = subprocess.run(
        (*HWSIM, *COMMANDS[command]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (FEW_BYTES, FEW_BYTES)),
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "cannot write there" in done.stderr
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_is_interrupted_leaves_valid_files_or_none(seed: int, tmp_path: Path) -> None:
    made(tmp_path)
    before = sorted(os.listdir(tmp_path))
    command = (*HWSIM, *COMMANDS["compress"], "--steps", "steps.csv", "--checkpoints", "kept")
    start = time.monotonic()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    whole_s = time.monotonic() - start
    whole = (tmp_path / "o.hwsim").read_bytes()
    for left in (tmp_path / "o.hwsim", tmp_path / "steps.csv", *(tmp_path / "kept").iterdir()):
        left.unlink()
    (tmp_path / "kept").rmdir()
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    # From the middle on it works on what it writes; before, it imports.
    time.sleep(random.Random(seed).uniform(0.4, 1.0) * whole_s)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 1, 130, -signal.SIGINT)
    found = sorted(set(os.listdir(tmp_path)) - set(before))
    assert set(found) <= {"o.hwsim", "steps.csv", "kept"}
    if "o.hwsim" in found:
        assert (tmp_path / "o.hwsim").read_bytes() == whole
    for kept in (tmp_path / "kept").glob("*"):
        assert kept.name.endswith(".hwsim")
        load(kept)


@pytest.mark.slow
def test_processes_that_compile_at_once_agree(tmp_path: Path) -> None:
    """Each finds a cache that others are writing; none may see half of it."""
    made(tmp_path)
    graph = mlp()
    np.savez(tmp_path / "x.npz", x=samples(graph, 3))
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    several = [
        subprocess.Popen(
            (*HWSIM, "run", "m.hwsim", "--data", "x.npz", "--output", f"o{i}.npz"),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for i in range(3)
    ]
    for process in several:
        _, said = process.communicate(timeout=300)
        assert (process.returncode, said) == (0, b"")
    outputs = [np.load(tmp_path / f"o{i}.npz") for i in range(3)]
    for output in outputs[1:]:
        for name in outputs[0].files:
            np.testing.assert_array_equal(output[name], outputs[0][name])
    assert (tmp_path / "cache" / "hwsim").stat().st_mode & 0o077 == 0
