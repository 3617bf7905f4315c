"""What cannot be a store is refused in one line that names it; nothing else is touched."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hwsim.errors import InterchangeError
from hwsim.store import Store
from tests.points import AXES, point

ROOT = Path(__file__).parents[3]


def begin(path: Path) -> None:
    with Store.open(path) as store:
        store.begin("", AXES)
        store.keep([point(1)])


def read(path: Path) -> None:
    with Store.read(path) as store:
        store.study()


def _store(path: Path, *statements: str) -> None:
    begin(path)
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()


def _unchecked(path: Path) -> None:
    lies = "UPDATE hwsim_points SET latency_s = NULL"
    _store(path, "PRAGMA ignore_check_constraints = 1", lies)


def _cut(path: Path) -> None:
    with Store.open(path) as store:
        store.begin("", AXES)
        store.keep([point(i) for i in range(200)])
    path.write_bytes(path.read_bytes()[:-8192])


def _scribbled(path: Path) -> None:
    with Store.open(path) as store:
        store.begin("", AXES)
        store.keep([point(i) for i in range(200)])
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)


UNFIT: list[tuple[str, Callable[[Path], object], str]] = [
    ("text", lambda p: p.write_text("models: [a.onnx]\n" * 99), "expected a store of hwsim"),
    ("folder", lambda p: p.mkdir(), "expected a file"),
    ("foreign", _foreign, "got a database of the tables songs; give another path"),
    (
        "newer",
        lambda p: _store(p, "UPDATE hwsim_meta SET value = 9 WHERE name = 'schema'"),
        "newer",
    ),
    ("cut", _cut, "damaged"),
    ("unchecked", _unchecked, r"damaged \(CHECK"),
    ("scribbled", _scribbled, "damaged"),
]


@pytest.mark.parametrize("use", [begin, read])
@pytest.mark.parametrize(("make", "words"), [u[1:] for u in UNFIT], ids=[u[0] for u in UNFIT])
def test_what_is_no_store_is_refused_and_stays_as_it_is(
    tmp_path: Path, make: Callable[[Path], object], words: str, use: Callable[[Path], None]
) -> None:
    path = tmp_path / "runs.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InterchangeError, match=words) as caught:
        use(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_result_of_another_shape_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    _store(path, "INSERT INTO hwsim_results VALUES (1, 'k', x'00')")
    with pytest.raises(InterchangeError, match="a result is damaged or of another version"):
        read(path)


def test_another_version_does_not_mix_its_points(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    _store(path, "UPDATE hwsim_meta SET value = '0.0.1' WHERE name = 'hwsim_version'")
    with pytest.raises(InterchangeError, match=r"its points are of hwsim 0\.0\.1"):
        begin(path)
    read(path)


def test_no_store_to_read_and_no_folder_to_write_in(tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match="found no file; hwsim sweep --store makes one"):
        read(tmp_path / "runs.db")
    with pytest.raises(InterchangeError, match="is no folder"):
        begin(tmp_path / "missing" / "runs.db")
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(InterchangeError, match="got a database that is empty"):
        read(empty)
    begin(empty)
    read(empty)


def test_a_file_held_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.db"
    begin(path)
    monkeypatch.setattr("hwsim.store.access.WAIT_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(InterchangeError, match="another process holds the file"):
        begin(path)
    read(path)
    holder.close()
    begin(path)


# Write protection means nothing to root: the rights of another user are put on.
_AS_NOBODY = """
import os, sys
from hwsim.store import Store
from hwsim.errors import HwsimError
os.setuid(65534)
try:
    with Store.read(sys.argv[1]) as store:
        print(len(store.finished()))
    with Store.open(sys.argv[1]) as store:
        store.begin("", ())
except HwsimError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="gives up root's rights")
def test_a_store_on_a_disk_that_is_read_only_is_read_and_not_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        begin(path)
        Path(folder).chmod(0o755)
        path.chmod(0o444)
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.stdout.splitlines()[:1] == ["1"], done.stderr
    assert "cannot write there (it is read-only)" in done.stdout


# A limit on the size of files stands for a disk that is full: writing fails with EFBIG, not ENOSPC.
_ON_A_FULL_DISK = """
import resource, sys
from hwsim.errors import HwsimError
from hwsim.store import Store
from tests.points import AXES, point
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with Store.open(sys.argv[1]) as store:
        store.begin("", AXES)
        for i in range(3000):
            store.keep([point(i)])
            print(i, flush=True)
except HwsimError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
@pytest.mark.parametrize("limit", [1000, 60_000, 300_000])
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "runs.db"
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_FULL_DISK, str(path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"{path}: the disk ")
    assert done.stderr.count("\n") == 1
    kept = [int(line) for line in done.stdout.split()]
    if limit == 1000:
        assert list(tmp_path.iterdir()) == []
        return
    assert kept
    with Store.open(path) as store:
        store.begin("", AXES)
        assert [p.seed for p in store.points().points] == kept
        store.keep([point(5000)])
