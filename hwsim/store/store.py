"""A store: one SQLite file that keeps a sweep's points as they finish."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Self

from hwsim.errors import InterchangeError
from hwsim.records import Points, Study
from hwsim.store import schema
from hwsim.store.access import connected, connected_to_read, create, is_file, require_same
from hwsim.store.failures import DAMAGES, damaged, told
from hwsim.store.rows import COLUMNS, misfit, packed, reader_of, row_of, unpacked
from hwsim.store.summary import comparison_of, first_of_cells
from hwsim.store.transaction import transaction
from hwsim.version import __version__

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from hwsim.records import Point, Result

_NONE: Mapping[str, Result] = MappingProxyType({})


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

    def begin(
        self,
        spec: str,
        axes: tuple[str, ...],
        keys: Iterable[str] = (),
        *,
        kind: Literal["sweep", "search"] = "sweep",
    ) -> None:
        """Say what will be swept: a new sweep, or more of the one that lives here.

        Args:
            spec: Text of the sweep, for people; the latest one stays.
            axes: Names, in the order asked for; those of the sweep that lives here.
            keys: Of the points asked for, in that order, where they are known beforehand: `points`
                and `study` return these alone, in this order, and `asked` counts them. Points that
                an earlier sweep asked for stay in the file for one that asks for them again.
            kind: What the points are of: a search takes up no sweep, and no sweep a search.

        Raises:
            InterchangeError: Another sweep lives here, or the file cannot be written.
        """

        def fill(connection: sqlite3.Connection) -> None:
            require_same(self.path, connection, axes, kind)
            values = (("spec", spec), ("axes", json.dumps(axes)), ("kind", kind))
            connection.executemany("INSERT OR REPLACE INTO hwsim_meta VALUES (?, ?)", values)
            if not keys:
                return
            # Whatever a model, data or a profile changed to makes other keys: points of what they
            # were are no part of this sweep.
            connection.execute("DELETE FROM hwsim_asked")
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

    def keep(self, points: Sequence[Point], results: Mapping[str, Result] = _NONE) -> None:
        """Write points, and results in full by the keys of their points, all or none of them.

        What is there already stays: a point or a result of the same key.

        Raises:
            InterchangeError: The file cannot be written.
        """
        names, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
        points_sql = (
            f"INSERT INTO hwsim_points ({names}) VALUES ({marks}) ON CONFLICT (key) DO NOTHING"
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(points_sql, rows)
            connection.executemany(
                "INSERT INTO hwsim_results (key, record) VALUES (?, ?) "
                "ON CONFLICT (key) DO NOTHING",
                records,
            )

        rows = [row_of(point) for point in points]
        records = [(key, packed(result)) for key, result in results.items()]
        with self._lock, told(self.path):
            if self._connection is None:
                raise InterchangeError(f"{self.path}: expected begin() before keep()")
            transaction(self._connection, write)

    def told(self) -> frozenset[str]:
        """Return the keys of all points whose results are kept in full."""
        with self._reading() as connection:
            if connection is None:
                return frozenset()
            return frozenset(key for (key,) in connection.execute("SELECT key FROM hwsim_results"))

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
        """Return the points asked for, in that order; all in that of `keep` where nobody told."""
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
                f"SELECT {', '.join(f't.{name}' for name in columns)} "
                f"FROM hwsim_points t {schema.ASKED}"
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
                rows = connection.execute(f"SELECT t.record FROM hwsim_results t {schema.ASKED}")
                records = [record for (record,) in rows]
                version = schema.meta(connection)["hwsim_version"]
        results = first_of_cells(unpacked(record, self.path) for record in records)
        return Study(
            title=self.path.stem,
            comparison=comparison_of(results, points, version),
            points=points,
        )

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
