"""Laws over the published measurements: every row is well formed and says where it comes from."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hwsim.channels.dead import without_dead
from hwsim.evidence.measurement import COLUMNS, FOLDER, Measurement, read_measurements
from hwsim.evidence.synthetic import is_synthetic
from hwsim.interchange import load
from hwsim.profile import known_devices

if TYPE_CHECKING:
    from hwsim.graph import Graph

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

# Tables of other kinds, with columns of their own.
OTHERS = {"ncnn_devices.csv", "sparse_accelerators.csv", "unpriced.csv"}
FILES = sorted(path for path in FOLDER.glob("*.csv") if path.name not in OTHERS)
TABLES = {path.stem: path for path in sorted((FOLDER / "networks").glob("*.csv"))}
LISTED = TABLES.pop("index").read_text(encoding="utf-8").splitlines()
INDEX = {row["network"]: row for row in csv.DictReader(LISTED)}
TYPES = re.compile(r"f32|f32[wx][0-9]+|[0-9]+x[0-9]+")
PROFILE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MOST_BYTES = 300_000

with (FOLDER / "unpriced.csv").open(encoding="utf-8") as lines:
    UNPRICED = {row["system"]: row["why"] for row in csv.DictReader(lines)}

files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
tables = pytest.mark.parametrize("name", TABLES)


def macs(graph: Graph) -> int:
    return sum(graph.workload(node).macs for node in graph.nodes)


def weights(graph: Graph) -> int:
    held = [node.op.weight for node in graph.nodes if node.op.weight is not None]
    return sum(weight.codes.size for weight in held)


def rows(name: str) -> tuple[Measurement, ...]:
    return read_measurements(FOLDER / name)


@files
def test_columns_are_those_of_every_file(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert path.stat().st_size <= MOST_BYTES


@files
def test_rows_are_well_formed(path: Path) -> None:
    for row in read_measurements(path):
        figures = [row.latency_s, row.energy_j, row.ram_bytes, row.flash_bytes]
        assert any(figures), row.where
        assert PROFILE.fullmatch(row.profile), row.where
        assert TYPES.fullmatch(row.types), row.where
        assert row.source.strip(), row.where
        assert row.repeats >= 1, row.where
        assert all(not set("=;") & set(value) for _, value in row.overrides), row.where


@files
def test_every_row_is_replayed_or_said_not_to_be(path: Path) -> None:
    for row in read_measurements(path):
        assert (row.profile in known_devices()) != (row.profile in UNPRICED), row.where


def test_what_is_not_replayed_says_why() -> None:
    measured = {row.profile for path in FILES for row in read_measurements(path)}
    assert set(UNPRICED) <= measured
    assert all(UNPRICED.values())


@files
def test_networks_are_there(path: Path) -> None:
    for row in read_measurements(path):
        assert is_synthetic(row.network) or row.network in TABLES, row.where


@files
def test_a_table_has_one_topology(path: Path) -> None:
    found: dict[str, set[str]] = {}
    for row in read_measurements(path):
        if row.network in TABLES:
            found.setdefault(row.network, set()).add(row.topology)
    assert not {name: names for name, names in found.items() if len(names) > 1}


def test_the_index_lists_every_table() -> None:
    assert set(INDEX) == set(TABLES)
    assert all(row["source"].strip() for row in INDEX.values())


@tables
def test_tables_have_the_size_of_the_index(name: str) -> None:
    graph, row = load(str(TABLES[name])), INDEX[name]
    assert (macs(graph), weights(graph)) == (int(row["macs"]), int(row["weights"]))


def test_dead_channels_of_visual_wake_words() -> None:
    """The reference vww_96_int8.tflite has 49.84 % of its MACs and 14.07 % of its weights live."""
    graph = load(str(TABLES["mlperf_vww"]))
    live = without_dead(graph)
    assert f"{macs(live) / macs(graph):.2%}" == "49.84%"
    assert f"{weights(live) / weights(graph):.2%}" == "14.07%"


def test_pruned_and_clustered_weights_ran_in_the_time_of_dense_ones() -> None:
    """The negative control: a device that skips nothing gains nothing."""
    dense = {
        (row.profile, row.overrides, row.network, row.types): row.latency_s
        for row in rows("edgemark.csv")
    }
    controls = rows("edgemark_controls.csv")
    assert controls
    for row in controls:
        baseline = dense[row.profile, row.overrides, row.network, row.types]
        # Two builds of a network of a dozen weights differ by 2 % whatever its weights are.
        assert row.latency_s == pytest.approx(baseline, rel=5e-3, abs=1e-6), row.where
