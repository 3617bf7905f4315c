"""A folder with models and data, and the command line in this process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.harness import Hwsim, fill, runner


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    fill(folder)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder: float.hwsim, int8.hwsim and data.npz lie in it."""
    for name in os.listdir(filled):
        shutil.copy(filled / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def hwsim(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Hwsim:
    return runner(monkeypatch, capsys)
