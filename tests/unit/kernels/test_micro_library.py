"""Machine code on disk: found again, never trusted when damaged, not needed."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import hwsim.kernels.micro.library as micro_library
from hwsim.arrays import Array
from hwsim.jit import target
from hwsim.kernels.micro.library import Library, address_of
from hwsim.kernels.micro.runs import copy_run, copy_text, fill_run

NAME: Final = "hwsim_copy_1"
Function: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 10)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(micro_library, "CACHE_FOLDER", tmp_path / "kernels")
    return tmp_path / "kernels"


def here() -> Library:
    return Library(micro_library.llvm.get_process_triple(), *target())


def never() -> str:
    raise AssertionError("built although it is on disk")


def test_code_is_found_again(folder: Path) -> None:
    code = here().stored_object(NAME, lambda: copy_text(1))
    assert here().stored_object(NAME, never) == code
    assert len(list(folder.iterdir())) == 1


def test_another_target_has_code_of_its_own(folder: Path) -> None:
    here().stored_object(NAME, lambda: copy_text(1))
    other = Library("x86_64-unknown-linux-gnu", "x86-64", "+sse2")
    other.stored_object(NAME, lambda: copy_text(1))
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("kept", [0, 10, 32, 200])
def test_a_damaged_file_is_built_again(folder: Path, kept: int) -> None:
    code = here().stored_object(NAME, lambda: copy_text(1))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:kept])
    assert here().stored_object(NAME, lambda: copy_text(1)) == code
    assert here().stored_object(NAME, never) == code


def test_without_a_folder_code_is_built_each_time(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert here().stored_object(NAME, lambda: copy_text(1))


def test_a_function_has_one_address() -> None:
    assert copy_run(1) == copy_run(1) == address_of(NAME, never)
    assert copy_run(1) != copy_run(2)


@pytest.mark.parametrize(("size", "kind"), [(1, "uint8"), (2, "uint16"), (4, "float32")])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 63, 64, 65, 200])
def test_runs_are_copied_and_filled(size: int, kind: str, count: int) -> None:
    x = np.random.default_rng(0).integers(0, 256, 300).astype(np.uint8)
    y: Array = np.full(400, 9, kind)
    Function(copy_run(size))(x.ctypes.data, y.ctypes.data, count, *[0] * 7)
    assert y[:count].tolist() == x[:count].tolist()
    # Whole vectors are written, and not a byte more.
    whole = -(-count * size // 64) * 64 // size
    assert (y[whole:] == 9).all()
    Function(fill_run(size))(200, y.ctypes.data, count, *[0] * 7)
    assert (y[:count] == 200).all()
    assert (y[whole:] == 9).all()
