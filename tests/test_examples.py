"""Every example runs, and every file of the examples is used by a test, a page or another file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples"
SCRIPTS = ("custom_compressor", "evaluate_module", "what_if", "write_profile")
FILES = sorted(
    path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts
)
# What runs commands and scripts: pages' console blocks, tests, the demo.
RUNNERS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted(FOLDER.glob("*.sh")),
]
# It searches for a quarter of an hour; docs/search.md shows what came of it.
TOO_LONG = "search_digits.sh"


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_prints(name: str) -> None:
    done = subprocess.run(
        [sys.executable, f"examples/{name}.py"],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error::DeprecationWarning:hwsim"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def told(path: Path) -> str:
    """Return what a file runs: only blocks and commands of a page, all of a script."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    return "\n".join(re.findall(r"```(?:console|python)\n(.*?)```", text, re.S))


def test_the_script_that_is_too_long_to_run_can_be_read() -> None:
    subprocess.run(["bash", "-n", FOLDER / TOO_LONG], check=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_each_file_is_used(path: Path) -> None:
    name = path.relative_to(FOLDER).as_posix()
    module = f"examples.{path.stem}" if path.suffix == ".py" else name
    words = (f"examples/{name}", module, f"import {path.stem}", f'"{path.name}"', f'"{path.stem}"')
    everything = "\n".join(told(runner) for runner in RUNNERS)
    assert any(word in everything for word in words), f"nothing runs examples/{name}"


# Passes enough to see that a space works, of what would take minutes.
_BRIEF = {"epochs": 1}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the digits."""
    folder = tmp_path_factory.mktemp("digits")
    command = [sys.executable, "examples/digits.py", "--output", str(folder), "--epochs", "1"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "model"), [("digits_widths", "examples.elastic:net"), ("digits_supernet", "supernet")]
)
def test_a_space_that_trains_is_searched(space: str, model: str, digits: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed (pip install '.[search]')")
    tree = yaml.safe_load((FOLDER / "spaces" / f"{space}.yaml").read_text(encoding="utf-8"))
    supernet = tree.get("supernet", {})
    for training in (tree.get("train"), supernet, supernet.get("finetune")):
        if training:
            training.update(_BRIEF)
    tree.get("constraints", {}).pop("accuracy", None)
    file = digits / f"{space}.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    command = [
        *(sys.executable, "-c", "from hwsim.cli import main; main()", "search", model),
        *("--space", str(file), "--device", "stm32l4r5_tflm", "--trials", "2"),
        *("--train-data", str(digits / "digits_train.npz")),
        *("--data", str(digits / "digits_test.npz"), "--csv", str(digits / f"{space}.csv")),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (digits / f"{space}.csv").read_text(encoding="utf-8").count("\n") >= 3
