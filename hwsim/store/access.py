"""Who may open which file as a store, and how a new one comes to be: whole or not at all."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from hwsim.errors import InterchangeError
from hwsim.store import schema
from hwsim.store.failures import DAMAGES, WAIT_S, damaged
from hwsim.version import __version__

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

# Tables that an optuna study keeps in its database.
_OPTUNAS = frozenset({"alembic_version", "studies", "trials", "version_info"})

# What SQLite keeps beside a file.
_BESIDE = ("-journal", "-wal", "-shm")

# A check of the whole file takes about a second per gigabyte; a larger file tells when it is read.
_CHECKED_BYTES = 64 * 2**20


def connect(path: Path, *, mode: str = "rw") -> sqlite3.Connection:
    """Return a connection that leaves transactions to the caller; any thread may use it.

    Args:
        path: Absolute.
        mode: SQLite's: `rw` (a file that must be there, and may be read-only), `rwc`, `ro`.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def connected(path: Path, *, may_be_empty: bool) -> sqlite3.Connection:
    """Return a connection to a file that is fit to be written as a store: see `require_store`."""
    return _fit(connect(path.resolve(), mode="rw"), path, may_be_empty=may_be_empty)


def connected_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that is fit to be read as a store: see `require_store`."""
    file = path.resolve()
    try:
        # Not `ro`, which would leave behind the files that it shares with writers.
        connection = _fit(connect(file, mode="rw"), path, may_be_empty=False)
        connection.execute("PRAGMA query_only = 1")
        return connection
    except sqlite3.OperationalError as error:
        # Readers share memory with writers, in a file beside. Where none can be made (on a disk
        # that is read-only or full) and none is needed, the file is read as what never changes.
        # Errors that the module itself raises carry no name.
        is_held = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        wal = file.with_name(f"{file.name}-wal")
        if is_held or (wal.exists() and wal.stat().st_size):
            raise
        return _fit(connect(file, mode="ro&immutable=1"), path, may_be_empty=False)


def _fit(connection: sqlite3.Connection, path: Path, *, may_be_empty: bool) -> sqlite3.Connection:
    try:
        require_store(connection, path, may_be_empty=may_be_empty)
    except DAMAGES as error:
        connection.close()
        raise damaged(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def is_file(path: Path) -> bool:
    """Return whether a file is there.

    Raises:
        InterchangeError: A folder or a device is, which never is a store.
    """
    if path.exists() and not path.is_file():
        raise InterchangeError(f"{path}: expected a file, got a folder or a device")
    return path.exists()


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a new store at `path`, or leave the one that another process made meanwhile."""
    part = path.with_name(f".hwsim.{uuid4().hex}.db")
    try:
        with closing(connect(part, mode="rwc")) as connection:
            schema.lay_tables(connection, fill)
            schema.tune(connection)
        with _alone(path.parent):
            if not path.exists():
                # What is left of a killed sweep whose store was removed would be read as part of
                # the new one.
                _remove(path, _BESIDE)
                part.rename(path)
    finally:
        _remove(part, ("", *_BESIDE))


def discard(path: Path) -> None:
    """Remove the store at `path`, which nobody has open."""
    with _alone(path.resolve().parent):
        _remove(path.resolve(), ("", *_BESIDE))


def _remove(path: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Generator[None, None, None]:
    """Keep other processes from making a store in `folder`; killing the process lets them again."""
    if sys.platform == "win32":
        # No file is removed there that is open, nor one renamed onto another.
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            # Some network disks have no locks.
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def require_store(connection: sqlite3.Connection, path: Path, *, may_be_empty: bool) -> None:
    """Refuse a damaged file, another program's, and one of a newer hwsim.

    Args:
        connection: To the file.
        path: To name it.
        may_be_empty: Whether a file that has no tables yet, or optuna's only, will do.

    Raises:
        InterchangeError: It is one of those.
        sqlite3.DatabaseError: It is no database.
    """
    # A view may compute without end, and a trigger changes what it was not asked to.
    sql = "SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')"
    if found := connection.execute(sql).fetchone():
        raise ValueError(f"a view or trigger {found[0]!r}")
    names = schema.names(connection)
    if "hwsim_meta" not in names:
        if may_be_empty and (not names or _OPTUNAS & names):
            return
        told = f"of the tables {', '.join(sorted(names)[:3])}" if names else "that is empty"
        raise InterchangeError(
            f"{path}: expected a store of hwsim, got a database {told}; give another path"
        )
    version = int(schema.meta(connection)["schema"])
    if version > schema.SCHEMA:
        raise InterchangeError(
            f"{path}: expected schema {schema.SCHEMA} or older, got {version}; "
            "it is of a newer hwsim: use that one, or give another path"
        )
    if path.stat().st_size <= _CHECKED_BYTES:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise InterchangeError(
                f"{path}: the file is damaged ({said}); put back a copy, or give another path"
            )


def require_same(
    path: Path, connection: sqlite3.Connection, axes: tuple[str, ...], kind: str
) -> None:
    """Refuse to mix points that are not of one sweep, or not of one version of hwsim.

    Raises:
        InterchangeError: They would be mixed.
    """
    known = schema.meta(connection)
    if "axes" not in known:
        return
    if (before := known.get("kind", "sweep")) != kind:
        raise InterchangeError(f"{path}: a {before} lives here, not a {kind}; give another path")
    other = tuple(json.loads(known["axes"]))
    if other != axes:
        raise InterchangeError(
            f"{path}: another sweep lives here (axes {', '.join(other) or 'none'}; "
            f"expected {', '.join(axes) or 'none'}); give another path"
        )
    if known["hwsim_version"] != __version__:
        raise InterchangeError(
            f"{path}: its points are of hwsim {known['hwsim_version']}, this is {__version__}; "
            "give another path"
        )
