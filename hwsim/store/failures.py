"""What SQLite says, as one line that names the file and what would do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hwsim.errors import InterchangeError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

WAIT_S = 60.0
"""How long to wait for another process's transaction; each takes milliseconds."""

_KEPT = "then run it again: finished points are kept"

# By the start of SQLite's name of the error (https://www.sqlite.org/rescode.html).
_WORDS = {
    "SQLITE_NOTADB": "expected a store of hwsim, got another kind of file; give another path",
    "SQLITE_CORRUPT": "the file is damaged; put back a copy, or give another path",
    "SQLITE_BUSY": f"another process holds the file; wait until it ends, {_KEPT}",
    "SQLITE_LOCKED": f"another process holds the file; wait until it ends, {_KEPT}",
    "SQLITE_READONLY": "cannot write there (it is read-only); give another path",
    "SQLITE_PERM": "cannot write there (it is read-only); give another path",
    "SQLITE_CANTOPEN": "cannot open it (is it readable, and its folder there and writable?)",
    "SQLITE_FULL": f"the disk is full; make room, {_KEPT}",
    "SQLITE_IOERR": f"the disk cannot be read or written; look for room and its health, {_KEPT}",
    "SQLITE_TOOBIG": "a record is larger than the 1 GB that SQLite takes",
}


DAMAGES = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""What values lead to that no store of ours holds."""


def damaged(path: Path, error: Exception) -> InterchangeError:
    """Return the error of a file whose values make no sense."""
    problem = f"{type(error).__name__}: {error}"
    return InterchangeError(
        f"{path}: the file is damaged ({problem}); put back a copy, or give another path"
    )


@contextmanager
def told(path: Path) -> Generator[None, None, None]:
    """Turn errors of SQLite and the operating system into one line about `path`.

    Raises:
        InterchangeError: The block failed by no mistake of the program.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise InterchangeError(f"{path}: {_words_of(error)}") from error
    except UnicodeEncodeError as error:
        raise InterchangeError(
            f"{path}: cannot keep {error.object!r}: expected a name in UTF-8; rename it"
        ) from error
    except OverflowError as error:
        raise InterchangeError(
            f"{path}: cannot keep a whole number beyond 64 bits; give a smaller one"
        ) from error
    except OSError as error:
        raise InterchangeError(f"{path}: cannot write there ({error.strerror})") from error


def _words_of(error: sqlite3.Error) -> str:
    # Errors that the module itself raises carry no name.
    name: str = getattr(error, "sqlite_errorname", "")
    known = next((words for start, words in _WORDS.items() if name.startswith(start)), None)
    return str(error) if known is None else f"{known} ({error})"
