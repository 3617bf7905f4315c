"""Folders of compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwsim.kernel_folder import forget_old, kernel_folder


def test_the_name_follows_the_compiler_and_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = kernel_folder("1.0")
    assert first == kernel_folder("1.0")
    assert first.parent == tmp_path / "hwsim"
    assert kernel_folder("2.0") != first
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "7")
    assert kernel_folder("1.0") != first


def test_old_folders_go_but_for_the_newest(tmp_path: Path) -> None:
    day = 24 * 3600
    for age in range(8):
        folder = tmp_path / f"kernels-{age}"
        folder.mkdir()
        (folder / "code").write_bytes(b"code")
        when = folder.stat().st_mtime - age * day - 60
        os.utime(folder, (when, when))
    (tmp_path / "other").mkdir()
    forget_old(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["kernels-0", "kernels-1", "kernels-2", "kernels-3", "other"]


def test_young_folders_stay(tmp_path: Path) -> None:
    for name in range(8):
        (tmp_path / f"kernels-{name}").mkdir()
    forget_old(tmp_path)
    assert len(list(tmp_path.iterdir())) == 8
