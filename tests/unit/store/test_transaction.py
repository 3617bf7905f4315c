"""Transactions: whole, or not at all, and once more where SQLite lost one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hwsim.store.transaction import transaction


class Losing(sqlite3.Connection):
    """A connection that has rolled back its first transactions by the time they end."""

    left = 0

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.left:
            self.left -= 1
            super().execute("ROLLBACK")
        return super().execute(sql, parameters)


def write(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (1)")


def rows(path: Path, lost: int) -> int:
    """Return how many rows are there after so many transactions were lost."""
    with closing(sqlite3.connect(path, isolation_level=None, factory=Losing)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.left = lost
        transaction(connection, write)
        return len(connection.execute("SELECT x FROM t").fetchall())


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_transaction_is_done_once_more(tmp_path: Path, lost: int) -> None:
    assert rows(tmp_path / "t.db", lost) == 1


def test_one_that_is_lost_again_is_told(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no transaction is active"):
        rows(tmp_path / "t.db", 2)


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        write(connection)
        raise KeyError

    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        with pytest.raises(KeyError):
            transaction(connection, fail)
        assert connection.execute("SELECT x FROM t").fetchall() == []
        assert not connection.in_transaction
