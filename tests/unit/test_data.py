"""Data that a user brings, good and bad."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.data import Data, load_data
from hwsim.errors import DataError

X, Y = np.arange(12.0).reshape(4, 3), np.array([0, 2, 1, 1])


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_reads_inputs_and_labels(tmp_path: Path) -> None:
    data = load_data(write(tmp_path / "a.npz", x=X, y=Y))
    np.testing.assert_array_equal(data.x, X)
    assert data.y is not None
    np.testing.assert_array_equal(data.y, Y)
    assert (data.count, data.name) == (4, "a.npz")


def test_labels_are_optional_and_codes_stay_codes(tmp_path: Path) -> None:
    data = load_data(str(write(tmp_path / "a.npz", x=X.astype(np.uint8), other=Y)))
    assert data.y is None
    assert data.x.dtype == np.uint8


def test_head() -> None:
    head = Data(x=X, y=Y).head(2)
    assert head.y is not None
    assert (head.x.tolist(), head.y.tolist()) == (X[:2].tolist(), [0, 2])
    assert Data(x=X).head(9).count == 4


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no x": ({"a": X, "y": Y}, "expected an array 'x' of stacked inputs, got 'a', 'y'"),
    "nothing": ({}, "expected an array 'x' of stacked inputs, got nothing"),
    "scalar": ({"x": 3.0}, r"x has shape \[\]; expected stacked samples"),
    "no samples": ({"x": X[:0]}, r"x has shape \[0, 3\]; expected stacked samples"),
    "text": ({"x": np.array(["a"])}, "x is <U1; expected integers or reals"),
    "flags": ({"x": X > 1}, "x is bool; expected integers or reals"),
    "complex": ({"x": X * 1j}, "x is complex128; expected integers or reals"),
    "NaN": ({"x": np.array([1.0, np.nan])}, "x holds 1 NaN or infinite values"),
    "infinity": ({"x": np.array([-np.inf, np.inf])}, "x holds 2 NaN or infinite values"),
    "real labels": ({"x": X, "y": Y * 1.0}, r"y is float64\[4\]; expected one integer label for"),
    "too few labels": ({"x": X, "y": Y[:3]}, r"y is int64\[3\]; .* for each of 4 inputs"),
    "one hot": ({"x": X, "y": np.eye(4, dtype=int)}, r"y is int64\[4, 4\]"),
    "pickled": ({"x": np.array([None, X], object)}, "not a readable .npz file"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD.keys())
def test_arrays_that_cannot_be_used(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^bad\.npz: {message}[^\n]*$"):
        load_data(write(tmp_path / "bad.npz", **arrays))


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    with pytest.raises(DataError) as error:
        load_data(path)
    assert str(error.value) == f"{path}: no such file; expected an .npz with x and, if known, y"


def test_files_of_other_kinds(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.txt").write_text("1 2 3\n")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(X))
    (tmp_path / "folder.npz").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(DataError, match=rf"^{path.name}: not a readable \.npz file"):
            load_data(path)


class Armed:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_pickles_are_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = write(tmp_path / "bad.npz", x=np.array([Armed(trace)], object))
    with pytest.raises(DataError):
        load_data(path)
    assert not trace.exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_files_raise_nothing_else(save: Any, tmp_path: Path) -> None:
    """Truncated anywhere, or with up to three bytes changed."""
    path = tmp_path / "bad.npz"
    save(path, x=X, y=Y)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    messages: list[str] = []
    for trial in range(400):
        damaged = bytearray(whole)
        if trial % 4 == 0:
            del damaged[rng.integers(len(whole)) :]
        for _ in range(trial % 4):
            damaged[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load_data(path)
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 200
    assert not [message for message in messages if "\n" in message]


@pytest.mark.parametrize("y", [Y[:, None], Y[:-1], Y.astype(float), list(Y)])
def test_labels_are_checked_wherever_data_is_made(y: Any) -> None:
    with pytest.raises(DataError, match=f"expected one integer label for each of {len(X)} inputs"):
        Data(x=X, y=y)
