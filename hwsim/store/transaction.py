"""One transaction: whole or not at all, and once more where it was lost."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LOST: Final = "no transaction is active"


def transaction(
    connection: sqlite3.Connection, write: Callable[[sqlite3.Connection], None]
) -> None:
    """Let `write` write, all or nothing of it.

    SQLite itself may roll a transaction back while another process has the file, and says so at its
    end: then everything is written once more.

    Args:
        connection: In no transaction; `isolation_level` None.
        write: What it writes twice is there once.

    Raises:
        sqlite3.Error: It cannot be written; nothing of it is.
    """
    try:
        _once(connection, write)
    except sqlite3.OperationalError as error:
        if _LOST not in str(error):
            raise
        _once(connection, write)


def _once(connection: sqlite3.Connection, write: Callable[[sqlite3.Connection], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        write(connection)
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
