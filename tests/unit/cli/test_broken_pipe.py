"""A reader that has seen enough, as `head` has, ends a command quietly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "import sys; from hwsim.cli import main; sys.argv = ['hwsim', *sys.argv[1:]]; main()"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no EPIPE")
@pytest.mark.parametrize("command", ["devices", "formats", "schema space", "--help", "--version"])
def test_a_reader_that_leaves_is_no_failure(command: str, folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *command.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=folder,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
