"""`hwsim report`: what it prints and writes of a store, also while a sweep writes it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hwsim.store import Store
from tests.comparisons import comparison
from tests.points import AXES, point, refused
from tests.unit.cli.harness import Hwsim

POINTS = (*(point(i) for i in range(30)), point(30, device="other"), *map(refused, (31, 32)))


@pytest.fixture
def store(folder: Path) -> Store:
    """Return a store that is open to write, as of a sweep that is not done."""
    store = Store.open(folder / "runs.db")
    store.begin("version: 1\n", AXES, [point(i).key for i in range(40)])
    store.keep(POINTS, {p.key: r for p, r in zip(POINTS, comparison().results, strict=False)})
    return store


@pytest.mark.usefixtures("store")
def test_it_prints_how_far_a_sweep_is_and_what_is_best(hwsim: Hwsim) -> None:
    done = hwsim("report", "runs.db")
    assert done.status == 0, done.err
    assert done.out.startswith("runs: 33 of 40 points finished, 2 of them refused\n")
    assert "on chip: 30 points, 10 fit\n" in done.out
    assert "on other: 1 point, all fit\n" in done.out
    # 1e-3 / 28 s: the fastest of those whose number three divides.
    assert "best latency: prune{sparsity=0.027}; sparsity=0.027, " in done.out
    assert "refused by chip, 2: conv1: the chip has no float unit\n" in done.out


def test_it_writes_every_kind_of_file_and_goes_on_with_the_sweep(
    hwsim: Hwsim, store: Store, folder: Path
) -> None:
    outputs = [f"--{kind}={folder / 'out'}.{kind}" for kind in ("json", "html", "md", "csv")]
    for finished in (33, 35):
        done = hwsim("report", "runs.db", *outputs, f"--parquet={folder}/out.parquet")
        assert done.status == 0, done.err
        assert done.err.count("wrote ") == 5
        written = json.loads((folder / "out.json").read_text(encoding="utf-8"))
        assert (written["asked"], written["axes"]) == (40, list(AXES))
        assert [each["seed"] for each in written["points"][:30]] == list(range(30))
        assert len(written["points"]) == finished
        assert written["results"][0]["latency_s"] == comparison().results[0].latency_s
        assert "<title>runs" in (folder / "out.html").read_text(encoding="utf-8")
        assert f"{finished} of 40 points" in (folder / "out.md").read_text(encoding="utf-8")
        for table in (pd.read_csv(folder / "out.csv"), pd.read_parquet(folder / "out.parquet")):
            assert len(table) == finished
            assert list(table["latency_s"][:30]) == [point(i).latency_s for i in range(30)]
            assert list(table["note"][:30]) == [point(i).axes["note"] for i in range(30)]
            assert list(table["refused"].notna()).count(True) == 2
        store.keep([point(33), point(34)])


def test_axes_of_mixed_values_go_to_parquet(hwsim: Hwsim, folder: Path) -> None:
    mixed = [8, 4.5, "nf4", True, None]
    with Store.open(folder / "runs.db") as store:
        store.begin("", ("bits", "odd"))
        for i, bits in enumerate(mixed):
            axes = {} if bits is None else {"bits": bits, "odd": 2**70 * i}
            store.keep([replace(point(i), axes=axes)])
    assert hwsim("report", "runs.db", "--parquet", "out.parquet").status == 0
    table = pd.read_parquet(folder / "out.parquet")
    assert [None if pd.isna(bits) else bits for bits in table["bits"]] == [
        "8", "4.5", "nf4", "True", None,
    ]  # fmt: skip
    assert table["odd"][1] == pytest.approx(2.0**70)


def test_a_store_without_points_is_shown(hwsim: Hwsim, folder: Path) -> None:
    with Store.open(folder / "runs.db") as store:
        store.begin("", AXES, ["a", "b"])
    outputs = [f"--{kind}=out.{kind}" for kind in ("json", "html", "md", "csv", "parquet")]
    done = hwsim("report", "runs.db", *outputs)
    assert done.status == 0, done.err
    assert done.out.startswith("runs: 0 of 2 points finished\n")


def test_names_cannot_steer_a_terminal_or_a_table(hwsim: Hwsim, folder: Path) -> None:
    with Store.open(folder / "runs.db") as store:
        store.begin("", ("a\x1b[2J",))
        hostile = replace(point(1), model="\x1b]0;x\x07| `b` <i>", recipe="[red]r", axes={})
        store.keep([hostile, replace(refused(2), refused="\x1b[31m [bold]why")])
    done = hwsim("report", "runs.db", "--md=out.md", "--csv=out.csv")
    assert done.status == 0, done.err
    texts = [done.out, *(Path(f"out.{kind}").read_text(encoding="utf-8") for kind in ("md", "csv"))]
    assert not any("\x1b" in text or "\x07" in text for text in texts)
    assert "[red]r" in done.out
    assert "[bold]why" in done.out
    assert "\\| \\`b\\` &lt;i&gt;" in texts[1]


MISTAKES = [
    (["missing.db"], "missing.db: expected a store, found no file"),
    (["."], ".: expected a file, got a folder"),
    (["int8.hwsim"], "int8.hwsim: expected a store of hwsim, got another kind of file"),
    (["runs.db", "--csv", "runs.db"], "runs.db: cannot write there (it is read)"),
    (["runs.db", "--csv", "runs.db-wal"], "runs.db-wal: cannot write there (it is read)"),
    (["runs.db", "--csv", "no/out.csv"], "cannot write there (no is no folder)"),
    (["runs.db", "--csv", "a", "--json", "a"], "got it twice"),
]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_mistakes_are_told_in_one_line(hwsim: Hwsim, arguments: list[str], words: str) -> None:
    done = hwsim("report", *arguments)
    assert done.status == 2
    assert words in done.err
    assert done.err.count("\n") == 1


@pytest.mark.usefixtures("store")
def test_parquet_without_pyarrow_is_told_before_anything_is_written(
    hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = hwsim("report", "runs.db", "--csv=out.csv", "--parquet=out.parquet")
    assert done.status == 2
    assert done.err.endswith("pip install 'hwsim[parquet]'\n")
    assert not Path("out.csv").exists()
