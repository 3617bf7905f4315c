"""Kernels on a disk that lost what was written last are compiled again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

import hwsim.jit
from hwsim.jit import IS_COMPILED, kernel

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="interpreted kernels have no files")


def doubled(number: int) -> int:
    return 2 * number


def kernel_files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.rglob(f"*{suffix}"))


@pytest.mark.parametrize("kept", [0, 20])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_damaged_file_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, kept: int
) -> None:
    monkeypatch.setattr(hwsim.jit, "_FOLDER", tmp_path)
    assert kernel(doubled)(3) == 6
    (path,) = kernel_files(tmp_path, suffix)
    path.write_bytes(path.read_bytes()[:kept])
    assert kernel(doubled)(4) == 8
    third = kernel(doubled)
    assert third(5) == 10
    hits = cast("Any", third).dispatcher.stats.cache_hits
    assert sum(hits.values()) == 1


def test_a_disk_that_cannot_be_written_costs_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hwsim.jit, "_FOLDER", tmp_path)
    made = kernel(doubled)
    store = cast("Any", made).dispatcher._cache._cache_file

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_save_data", full)
    assert made(3) == 6
