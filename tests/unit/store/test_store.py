from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InterchangeError
from hwsim.records import Point, Result
from hwsim.store import Store
from hwsim.store.rows import COLUMNS, packed, reader_of, row_of, unpacked
from tests.comparisons import comparison
from tests.points import AXES, point, refused

VALUES = st.one_of(
    st.integers(), st.floats(allow_nan=False), st.booleans(), st.text(st.characters(codec="utf-8"))
)


def begun(path: Path, *points: Point) -> Store:
    store = Store.open(path)
    store.begin("version: 1", AXES)
    store.keep(points)
    return store


@given(axes=st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES))
def test_what_a_row_holds_comes_back_with_its_types(axes: dict[str, int | float | str]) -> None:
    for each in (replace(point(3), axes=axes), refused(4)):
        back = reader_of(COLUMNS)(row_of(each))
        assert back == each
        assert [type(v) for v in back.axes.values()] == [type(v) for v in each.axes.values()]


def test_points_and_results_come_back_as_they_were(tmp_path: Path) -> None:
    points = (point(7), refused(2), point(5), refused(9, device="other"))
    results = comparison().results
    with begun(tmp_path / "runs.db", *points) as store:
        store.keep((), {str(i): result for i, result in enumerate(results)})
        assert store.points().points == points
    with Store.read(tmp_path / "runs.db") as store:
        assert store.points().axes == AXES
        assert store.points().points == points
        assert store.finished() == {each.key for each in points}
        assert store.spec() == "version: 1"
        study = store.study()
    assert study.title == "runs"
    assert study.points is not None
    assert study.points.points == points
    # One for each model, recipe and device: the first.
    cells = {(r.model, r.recipe, r.device): r for r in reversed(results)}
    assert sorted(study.comparison.results, key=repr) == sorted(cells.values(), key=repr)
    assert {r.device for r in study.comparison.refusals} == {"chip", "other"}


@pytest.mark.parametrize("result", comparison().results, ids=lambda r: f"{r.recipe[:9]} {r.device}")
def test_a_packed_result_is_unpacked_whole(result: Result) -> None:
    endless = replace(result, estimate=replace(result.estimate, latency_high_s=float("inf")))
    for each in (result, endless):
        assert unpacked(packed(each), Path("runs.db")) == each


def test_points_that_were_asked_for_come_in_that_order_others_do_not(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "runs.db")
    store.begin("", AXES, [point(i).key for i in (3, 1, 2, 8)])
    store.keep([point(9), point(2), point(1)])
    store.keep([point(4), point(3)])
    assert [p.seed for p in store.points().points] == [3, 1, 2]
    assert store.asked() == 4


def test_two_models_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    before, after = comparison().results[0], replace(comparison().results[0], runtime="after")
    with Store.open(tmp_path / "runs.db") as store:
        store.begin("", AXES, [point(1).key, point(2).key])
        store.keep([point(1), point(2)], {point(1).key: before})
        # The model has changed since: other keys, the same names.
        store.begin("", AXES, [point(3).key, point(4).key])
        assert store.study().comparison.results == ()
        store.keep([point(3), point(4)], {point(3).key: after})
        assert store.points().points == (point(3), point(4))
        assert store.study().comparison.results == (after,)
        assert store.told() == {point(1).key, point(3).key}
        assert store.asked() == 2
        store.begin("", AXES, [point(2).key, point(1).key])
        assert store.points().points == (point(2), point(1))
        assert store.study().comparison.results == (before,)


def test_what_is_there_stays(tmp_path: Path) -> None:
    first, second = comparison().results[0], replace(comparison().results[0], runtime="later")
    store = begun(tmp_path / "runs.db", point(1))
    store.keep([replace(point(1), latency_s=9.0), point(2)], {"1": first})
    store.keep([], {"1": second})
    assert store.points().points == (point(1), point(2))
    assert store.study().comparison.results == (first,)


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = begun(tmp_path / "runs.db", point(0))
    nan = replace(point(2), latency_s=float("nan"))
    with pytest.raises(InterchangeError, match=r"runs\.db: CHECK constraint failed"):
        store.keep([point(1), nan])
    with pytest.raises(InterchangeError, match="beyond 64 bits"):
        store.keep([point(1), replace(point(2), macs=2**63)])
    with pytest.raises(InterchangeError, match="expected a name in UTF-8"):
        store.keep([point(1), replace(point(2), model="a\udcff")])
    assert store.points().points == (point(0),)
    store.keep([point(1)])
    assert len(store.finished()) == 2


def test_the_same_axes_go_on_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    begun(path, point(1)).close()
    with Store.open(path) as store:
        with pytest.raises(InterchangeError, match=r"another sweep lives here \(axes sparsity, "):
            store.begin("", ("sparsity",))
        store.begin("more", AXES)
        assert store.spec() == "more"
        assert store.points().points == (point(1),)


def test_nothing_is_there_before_a_sweep_began(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        assert store.finished() == frozenset()
        assert store.points().points == ()
        assert store.study().comparison.results == ()
        assert store.asked() is None
        with pytest.raises(InterchangeError, match=r"begin\(\)"):
            store.keep([point(1)])
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_begin_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwsim.store.schema._TABLES", ("CREATE TABLE hwsim_meta (", "no SQL"))
    with pytest.raises(InterchangeError), Store.open(tmp_path / "runs.db") as store:
        store.begin("", AXES)
    assert list(tmp_path.iterdir()) == []


def test_what_a_removed_store_left_beside_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    old = begun(path, point(1))
    # As after a kill: the newest points are in the file beside.
    wal = path.with_name("runs.db-wal")
    left = wal.read_bytes()
    assert left
    old.close()
    path.unlink()
    wal.write_bytes(left)
    with begun(path, point(2)) as store:
        assert store.points().points == (point(2),)


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = begun(tmp_path / "runs.db")
    seen: list[int] = []

    def work(first: int) -> None:
        for index in range(first, first + 60):
            store.keep([point(index)])
            seen.append(len(store.points().points))

    threads = [threading.Thread(target=work, args=(30 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 240
    assert {p.seed for p in store.points().points} == set(range(150))


def test_a_reader_sees_whole_batches_while_another_writes(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = begun(path, point(0))
    with Store.read(path) as reader:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM hwsim_points")
        assert reader.finished() == {point(0).key}
        connection.execute("ROLLBACK")
        connection.close()
        writer.keep([point(1), point(2)])
        assert len(reader.finished()) == 3


def test_columns_that_a_later_version_adds_or_misses_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    begun(path, point(2)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE hwsim_points ADD COLUMN later TEXT")
        connection.execute("ALTER TABLE hwsim_points DROP COLUMN top1")
    connection.close()
    with Store.read(path) as store:
        assert store.points().points == (replace(point(2), top1=None),)
