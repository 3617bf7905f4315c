"""Finding a reader or writer: by suffix, by module:callable; nothing half-written is left."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import NoReturn

import pytest

from hwsim.errors import InterchangeError
from hwsim.graph import Graph
from hwsim.interchange import FORMATS, files, load, save
from tests.equality import difference
from tests.graphs import mlp


def refusal(path: str | Path) -> str:
    with pytest.raises(InterchangeError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["m.txt", "m", "m.TFLITE", "m.ONNX"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(name: str, tmp_path: Path) -> None:
    message = refusal(tmp_path / name)
    assert ".tflite, .hwsim, .pt2, .onnx, .csv, .json or module:callable" in message


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.tflite").mkdir()
    assert refusal(tmp_path / "none.tflite").endswith("none.tflite: no such file")
    assert refusal(tmp_path / "folder.tflite").endswith("folder.tflite: not a file")
    assert refusal(tmp_path / ("a" * 5000 + ".tflite"))


@pytest.mark.parametrize("suffix", [f.suffix for f in FORMATS])
def test_an_empty_file(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"empty{suffix}").touch()
    assert f"empty{suffix}: " in refusal(tmp_path / f"empty{suffix}")


CALLABLES = {
    "nowhere:make": "No module named 'nowhere'",
    "hwsim_test_models:missing": "no attribute 'missing'",
    "hwsim_test_models:raises": "RuntimeError: two lines",
    "hwsim_test_models:leaves": "SystemExit: 3",
    "hwsim_test_models:wants": "missing 1 required positional argument",
    "hwsim_test_models:number": "number: expected an nn.Module, got int",
    "hwsim_test_models:constant": "'int' object is not callable",
    "hwsim_test_broken:make": "ValueError: at import",
    "hwsim_test_syntax:make": "SyntaxError",
}


@pytest.mark.parametrize("text", CALLABLES)
def test_a_callable_that_gives_no_model(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hwsim_test_models.py").write_text(
        "import sys\n"
        "def raises(): raise RuntimeError('two\\nlines')\n"
        "def leaves(): sys.exit(3)\n"
        "def wants(x): return x\n"
        "def number(): return 3\n"
        "constant = 4\n"
    )
    (tmp_path / "hwsim_test_broken.py").write_text("raise ValueError('at import')\n")
    (tmp_path / "hwsim_test_syntax.py").write_text("def make(:\n")
    assert CALLABLES[text] in refusal(text)


def test_an_object_that_is_no_model() -> None:
    with pytest.raises(InterchangeError, match=r"expected an nn\.Module, got int"):
        load(3)


def test_saving_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "m.hwsim"
    path.write_text("old")
    save(mlp(), path)
    assert difference(load(path), mlp()) == ""
    assert os.listdir(tmp_path) == ["m.hwsim"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("name", ["m.txt", "m", "m.csv", "m.pt2"])
def test_saving_under_an_unknown_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match=r"cannot write .*; writes: \.tflite, \.hwsim"):
        save(mlp(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.hwsim").mkdir()
    for place in ("none/m.hwsim", "file/m.hwsim", "folder.hwsim"):
        with pytest.raises(InterchangeError, match="cannot write there"):
            save(mlp(), tmp_path / place)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.hwsim"]


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match=r"cannot write there \(File name too long\)"):
        save(mlp(), tmp_path / f"{'n' * 300}.hwsim")


def test_links_stay_and_what_they_lead_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "m.hwsim").symlink_to(tmp_path / "real.hwsim")
    (tmp_path / "real.hwsim").touch()
    save(mlp(), tmp_path / "m.hwsim")
    assert (tmp_path / "m.hwsim").is_symlink()
    assert difference(load(tmp_path / "real.hwsim"), mlp()) == ""


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, received = tmp_path / "m.hwsim", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    save(mlp(), pipe)
    reader.join(10)
    save(mlp(), tmp_path / "again.hwsim")
    assert received == [(tmp_path / "again.hwsim").read_bytes()]
    assert pipe.is_fifo()


@pytest.mark.parametrize("error", [RuntimeError("half"), OSError(28, "No space left on device")])
def test_a_writer_that_raises_halfway_leaves_nothing(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(graph: Graph, path: Path) -> NoReturn:
        path.write_bytes(b"half")
        raise error

    formats = [replace(f, write=write_half if f.write else None) for f in FORMATS]
    monkeypatch.setattr(files, "FORMATS", tuple(formats))
    path = tmp_path / "m.hwsim"
    path.write_text("old")
    expected = InterchangeError if isinstance(error, OSError) else RuntimeError
    with pytest.raises(expected):
        save(mlp(), path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["m.hwsim"]
