"""A store: one SQLite file that keeps a sweep's points as they finish."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self

from hwsim.errors import InterchangeError
from hwsim.records import Points, Study
from hwsim.store import schema
from hwsim.store.access import connected, connected_to_read, create, is_file, require_same
from hwsim.store.failures import DAMAGES, damaged, told
from hwsim.store.rows import COLUMNS, misfit, packed, reader_of, row_of, unpacked
from hwsim.store.summary import comparison_of
from hwsim.version import __version__

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Sequence

    from hwsim.records import Point, Result


class Store:
    """The points of one sweep; threads may share it, processes open the file each for itself.

    A point is there once `keep` has returned, whatever becomes of the process afterwards.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None) -> None:
        """See `open` and `read`."""
        self.path = path
        self._file = path.resolve()
        self._connection = connection
        self._lock = RLock()

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Return the store at `path`, to read and write; `begin` makes the file if there is none.

        Raises:
            InterchangeError: There is something else, it is damaged, or nothing can be there.
        """
        path = Path(path)
        with told(path):
            if not is_file(path):
                if not path.resolve().parent.is_dir():
                    raise InterchangeError(
                        f"{path}: cannot write there ({path.parent} is no folder)"
                    )
                return cls(path, None)
            return cls(path, connected(path, may_be_empty=True))

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Return the store at `path`, to read only; a sweep may be writing it.

        Raises:
            InterchangeError: There is none, or it is damaged.
        """
        path = Path(path)
        with told(path):
            if not is_file(path):
                raise InterchangeError(
                    f"{path}: expected a store, found no file; hwsim sweep --store makes one"
                )
            return cls(path, connected_to_read(path))

    def __enter__(self) -> Self:
        """Do nothing: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `close`."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with told(self.path):
                    connection.close()

    def begin(self, spec: str, axes: tuple[str, ...], keys: Iterable[str] = ()) -> None:
        """Say what will be swept: a new sweep, or more of the one that lives here.

        Args:
            spec: Text of the sweep, for people; the latest one stays.
            axes: Names, in the order asked for; those of the sweep that lives here.
            keys: Of the points asked for, in that order, where they are known beforehand: `points`
                returns them so, and `asked` counts them.

        Raises:
            InterchangeError: Another sweep lives here, or the file cannot be written.
        """

        def fill(connection: sqlite3.Connection) -> None:
            require_same(self.path, connection, axes)
            values = (("spec", spec), ("axes", json.dumps(axes)))
            connection.executemany("INSERT OR REPLACE INTO hwsim_meta VALUES (?, ?)", values)
            connection.executemany(
                "INSERT INTO hwsim_asked (key) VALUES (?) ON CONFLICT DO NOTHING",
                ((key,) for key in keys),
            )

        keys = tuple(keys)
        with self._lock, told(self.path):
            if self._connection is None:
                if not self._file.exists():
                    create(self._file, fill)
                self._connection = connected(self.path, may_be_empty=True)
            schema.tune(self._connection)
            schema.lay_tables(self._connection, fill)

    def keep(self, points: Sequence[Point], results: Sequence[Result] = ()) -> None:
        """Write points, and results in full, all or none of them.

        What is there already stays: a point of the same key; a result of the same model, recipe and
        device.

        Raises:
            InterchangeError: The file cannot be written.
        """
        names, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
        records = [(r.model, r.recipe, r.device, packed(r)) for r in results]
        with self._writing() as connection:
            connection.executemany(
                f"INSERT INTO hwsim_points ({names}) VALUES ({marks}) ON CONFLICT (key) DO NOTHING",
                map(row_of, points),
            )
            connection.executemany(
                "INSERT INTO hwsim_results (model, recipe, device, record) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (model, recipe, device) DO NOTHING",
                records,
            )

    def finished(self) -> frozenset[str]:
        """Return the keys of all points that are kept."""
        with self._reading() as connection:
            if connection is None:
                return frozenset()
            return frozenset(key for (key,) in connection.execute("SELECT key FROM hwsim_points"))

    def asked(self) -> int | None:
        """Return how many points the sweep has in all; None where nobody told."""
        with self._reading() as connection:
            if connection is None:
                return None
            (asked,) = connection.execute("SELECT count(*) FROM hwsim_asked").fetchone()
            return asked or None

    def spec(self) -> str:
        """Return the text of the sweep."""
        with self._reading() as connection:
            return "" if connection is None else schema.meta(connection).get("spec", "")

    def points(self) -> Points:
        """Return the points, in the order asked for; in that of `keep` where nobody told."""
        with self._reading() as connection:
            if connection is None:
                return Points(axes=(), points=())
            has = {row[1] for row in connection.execute("PRAGMA table_info(hwsim_points)")}
            columns = [name for name in COLUMNS if name in has]
            odd = connection.execute(
                f"SELECT count(*) FROM hwsim_points WHERE {misfit(columns)}"
            ).fetchone()[0]
            if odd:
                raise ValueError(f"{odd} points of other types than their columns")
            rows = connection.execute(
                f"SELECT {', '.join(f'p.{name}' for name in columns)} FROM hwsim_points p "
                "LEFT JOIN hwsim_asked a USING (key) "
                "ORDER BY a.ordinal IS NULL, a.ordinal, p.ordinal"
            )
            return Points(
                axes=schema.axes_of(connection), points=tuple(map(reader_of(columns), rows))
            )

    def study(self) -> Study:
        """Return everything that a page shows; its title is the file's name.

        Raises:
            InterchangeError: A result is damaged.
        """
        with self._reading() as connection:
            points = self.points()
            records: list[bytes] = []
            version = __version__
            if connection is not None:
                rows = connection.execute("SELECT record FROM hwsim_results ORDER BY ordinal")
                records = [record for (record,) in rows]
                version = schema.meta(connection)["hwsim_version"]
        results = tuple(unpacked(record, self.path) for record in records)
        return Study(
            title=self.path.stem,
            comparison=comparison_of(results, points, version),
            points=points,
        )

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with self._lock, told(self.path):
            if self._connection is None:
                raise InterchangeError(f"{self.path}: expected begin() before keep()")
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled it back already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection | None, None, None]:
        """Give the connection, with one state of the file for all that is read; None before one."""
        with self._lock, told(self.path):
            connection = self._connection
            if connection is None or not schema.is_store(connection):
                yield None
            elif connection.in_transaction:
                yield connection
            else:
                connection.execute("BEGIN")
                try:
                    yield connection
                except DAMAGES as error:
                    raise damaged(self.path, error) from error
                finally:
                    connection.execute("ROLLBACK")
