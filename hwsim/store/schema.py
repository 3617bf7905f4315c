"""The tables of a store, and how a file becomes one: whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from hwsim.store.rows import definitions
from hwsim.store.transaction import transaction
from hwsim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = 1
"""Of the tables; a larger one in a file is of a newer hwsim."""

# The ordinal is ours, not SQLite's own, which VACUUM may count anew. The check keeps NaN out, which
# SQLite takes for a missing value.
_POINTS = f"""CREATE TABLE hwsim_points (
    ordinal INTEGER PRIMARY KEY, {definitions()},
    UNIQUE (key), CHECK ((latency_s IS NULL) = (refused IS NOT NULL)))"""

# An optuna study may live in the same file: prefixes keep the tables apart.
_TABLES = (
    "CREATE TABLE hwsim_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    _POINTS,
    "CREATE TABLE hwsim_asked (ordinal INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE)",
    """CREATE TABLE hwsim_results (
    ordinal INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, record BLOB NOT NULL)""",
)

ASKED = """LEFT JOIN hwsim_asked a USING (key)
    WHERE a.key IS NOT NULL OR NOT EXISTS (SELECT 1 FROM hwsim_asked)
    ORDER BY a.ordinal, t.ordinal"""
"""Of the rows of a table t, those asked for, in that order; all where nobody told."""


def tune(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once, and commits survive the death of the process.

    A commit is in the operating system's hands when it returns, so that killing the process loses
    nothing. After a power failure the file is whole but may lack the last commits (`FULL` would
    wait for the disk each time); a resumed sweep computes those again.
    """
    with suppress(sqlite3.OperationalError):
        # A file that another holds, or on a disk without shared memory, stays as it is: slower.
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def lay_tables(connection: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make the tables, and let `fill` write into them, in one transaction."""

    def lay(connection: sqlite3.Connection) -> None:
        if not is_store(connection):
            for table in _TABLES:
                connection.execute(table)
            meta = (("schema", str(SCHEMA)), ("hwsim_version", __version__))
            connection.executemany("INSERT INTO hwsim_meta VALUES (?, ?)", meta)
        fill(connection)

    transaction(connection, lay)


def is_store(connection: sqlite3.Connection) -> bool:
    """Return whether the tables are there."""
    return "hwsim_meta" in names(connection)


def names(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of all tables of the file."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return frozenset(name for (name,) in found)


def meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what the store says of itself."""
    return dict(connection.execute("SELECT name, value FROM hwsim_meta"))


def axes_of(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of the sweep's axes; none before it began."""
    return tuple(json.loads(meta(connection).get("axes", "[]")))
