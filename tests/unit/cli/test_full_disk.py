"""A disk without room gives one line that says which file, whatever was to be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.store import Store
from tests.points import AXES, point
from tests.unit.cli.harness import DEVICE, Hwsim

pytestmark = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no /dev/full, which never has room"
)

SWEEP = f"version: 1\nmodels: [int8.hwsim]\nrecipes: [none]\ndevices: [{DEVICE}]\n"
EVALUATE = ("evaluate", "int8.hwsim", "--device", DEVICE)
COMMANDS = [
    *((*EVALUATE, f"--{kind}") for kind in ("csv", "json", "md", "html")),
    *(("report", "runs.db", f"--{kind}") for kind in ("csv", "json", "md", "html", "parquet")),
    ("sweep", "sweep.yaml", "--csv"),
    ("run", "int8.hwsim", "--data", "data.npz", "--output"),
]

# Files may not grow beyond 1,000 bytes: that stands for a disk that is full.
LIMITED = """
import resource, sys
from hwsim.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv = ["hwsim", *sys.argv[1:]]
main()
"""


@pytest.fixture(autouse=True)
def written(folder: Path) -> None:
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    with Store.open(folder / "runs.db") as store:
        store.begin("", AXES)
        store.keep([point(i) for i in range(20)])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_device_without_room(hwsim: Hwsim, command: tuple[str, ...]) -> None:
    done = hwsim(*command, "/dev/full")
    assert done.status == 2
    assert done.err == "hwsim: /dev/full: cannot write there (No space left on device)\n"


def test_standard_output_without_room(folder: Path) -> None:
    code = "import sys; from hwsim.cli import main; sys.argv = ['hwsim', 'formats']; main()"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=folder,
        )
    assert done.returncode == 2
    assert done.stderr == "hwsim: standard output: No space left on device\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("report", "runs.db", "--csv"), "out.csv"),
        (("report", "runs.db", "--parquet"), "out.parquet"),
        (("compress", "float.hwsim", "--recipe", "none", "--output"), "out.hwsim"),
        (("compress", "float.hwsim", "--recipe", "none", "--output"), "out.onnx"),
    ],
    ids=["csv", "parquet", "hwsim", "onnx"],
)
def test_a_file_that_cannot_grow_is_not_there(
    folder: Path, command: tuple[str, ...], output: str
) -> None:
    before = {each.name for each in folder.iterdir() if not each.name.startswith("runs.db")}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *command, output],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"hwsim: {output}: cannot write there (")
    assert done.stderr.count("\n") == 1
    after = {each.name for each in folder.iterdir() if not each.name.startswith("runs.db")}
    assert before == after
