"""Fuzz the reader of stores: SQLite's bytes are damaged, and what stands in its tables."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

from hwsim.records import Point
from hwsim.store import Store
from tests.comparisons import comparison
from tests.fuzz.mutations import AWKWARD, flipped, tree_damaged, words_set
from tests.fuzz.target import Target

_TABLES = ("hwsim_points", "hwsim_results", "hwsim_meta", "hwsim_asked")
_MOST_STEPS = 1_000_000
_HOSTILE = (
    (
        "ALTER TABLE hwsim_points RENAME TO hwsim_old; CREATE VIEW hwsim_points AS "
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
        "SELECT n, o.* FROM r, hwsim_old o"
    ),
    "ALTER TABLE hwsim_points DROP COLUMN top1",
    "ALTER TABLE hwsim_results DROP COLUMN ordinal",
    "DROP TABLE hwsim_asked",
    "CREATE TABLE hwsim_other (x)",
    "DELETE FROM hwsim_meta WHERE name = 'hwsim_version'",
    "DELETE FROM hwsim_meta",
)


def _seeds() -> Iterator[bytes]:
    points = [
        Point(
            key=f"k{i}",
            model="m",
            recipe="none",
            device="d",
            axes={"a": i, "b": "t"},
            overrides=("hardware.clock_hz=80e6",),
            profile_sha256="0" * 64,
            latency_s=0.5 if i else None,
            refused=None if i else "too large",
        )
        for i in range(3)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for results in ({}, {"k1": comparison().results[0]}):
            path = Path(folder) / f"s{len(results)}.db"
            with Store.open(path) as store:
                store.begin("version: 1", ("a", "b"), keys=("k0", "k1"))
                store.keep(points, results)
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.close()
            yield path.read_bytes()


def _mutate(content: bytes, rng: Random) -> bytes:
    if rng.random() < 0.4:
        return rng.choice((flipped, words_set))(content, rng)
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(content)
        # What was made hostile before may not end.
        connection.set_progress_handler(lambda: 1, _MOST_STEPS)
        if rng.random() < 0.1:
            connection.executescript(rng.choice(_HOSTILE))
        else:
            _change(connection, rng)
        connection.commit()
        return connection.serialize()
    except (sqlite3.Error, OverflowError, ValueError, zlib.error):
        return flipped(content, rng)
    finally:
        connection.close()


def _change(connection: sqlite3.Connection, rng: Random) -> None:
    """Set one value of one row."""
    table = rng.choice(_TABLES)
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if not columns:
        return  # Damage took the table.
    column = rng.choice(columns)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    found = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    if not found:
        return
    row, old = rng.choice(found)
    new = rng.choice([v for v in AWKWARD if isinstance(v, (str, int, float, type(None)))])
    if column == "record" and rng.random() < 0.9:
        tree = tree_damaged(json.loads(zlib.decompress(old)), rng)
        new = zlib.compress(json.dumps(tree).encode())
    elif isinstance(old, str) and old[:1] in "[{" and rng.random() < 0.5:
        new = json.dumps(tree_damaged(json.loads(old), rng))
    elif rng.random() < 0.2:
        new = rng.randbytes(9)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))


def _read(path: Path) -> object:
    with Store.read(path) as store:
        store.finished()
        store.asked()
        store.spec()
        return store.study()


TARGET = Target(name="store", suffix=".db", seeds=_seeds, read=_read, mutate=_mutate)
