"""Every command and every line of Python that the documents show is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Their commands are tried where they are written: tests.device_pages.trial.
DEVICES = ROOT / "docs" / "devices"
COMMANDS = [
    (page.name, command)
    for page in PAGES
    if page.parent != DEVICES
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    for command in re.findall(r"^\$ (hwsim .*)$", block, re.M)
]
SNIPPETS = [
    (page.name, snippet)
    for page in PAGES
    for snippet in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that looks like the project after `make demo`."""
    folder = tmp_path_factory.mktemp("docs")
    # A copy, not a link: paths in a sweep file are relative to it, and `..` leaves a link's target.
    shutil.copytree(ROOT / "examples", folder / "examples")
    output = folder / "build" / "demo"
    script = str(ROOT / "examples" / "digits.py")
    done = _run([sys.executable, script, "--output", str(output), "--epochs", "1"], folder)
    assert done.returncode == 0, done.stderr
    return folder


def _run(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere_and_nothing_is_left_to_fill_in(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for folder in re.findall(r"^\| `([a-z_]+/)` \|", text, re.M):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.slow
def test_every_command_and_snippet_works(folder: Path) -> None:
    # One test, in the order of the page: later commands use files of earlier ones.
    assert COMMANDS
    for page, command in COMMANDS:
        done = _run(command, folder)
        assert done.returncode == 0, f"{page}: {command}\n{done.stderr}"
    assert SNIPPETS
    for page, snippet in SNIPPETS:
        done = _run([sys.executable, "-c", snippet], folder)
        assert done.returncode == 0, f"{page}:\n{done.stderr}"
