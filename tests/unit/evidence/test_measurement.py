"""Tables of measurements: every cell is checked, and told by its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim.errors import MeasurementError
from hwsim.evidence.measurement import read_measurements

HEAD = "profile,board,set,network,topology,types,repeats,latency_ms,energy_uj,source\n"
ROW = "toy,Board,hardware.clock_hz=80e6; runtime.version=8.10,net,family,16x8,3,2.5,7,paper\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return path


def test_a_row_is_read_with_units(tmp_path: Path) -> None:
    (row,) = read_measurements(table(tmp_path, HEAD + ROW))
    assert (row.latency_s, row.energy_j, row.ram_bytes) == (0.0025, 7e-6, None)
    assert row.overrides == (("hardware.clock_hz", "80e6"), ("runtime.version", "8.10"))
    assert (row.board, row.topology, row.types, row.repeats) == ("Board", "family", "16x8", 3)
    assert row.where == "rows.csv: row 2"


def test_what_is_left_out_has_a_meaning(tmp_path: Path) -> None:
    (row,) = read_measurements(table(tmp_path, "network,latency_ms,source\nnet,1,mine\n"))
    assert (row.profile, row.board, row.topology, row.types, row.repeats) == (
        ("", "", "net", "8x8", 1)
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("network,latency_ms\nnet,1\n", ("no column 'source'", "expected columns profile")),
        ("network,source,lat\nnet,me,1\n", ("unknown column 'lat'",)),
        ("network,source\n", ("no rows",)),
        ("", ("no column 'network'",)),
        ("network,source,latency_ms\nnet,me,-1\n", ("row 2", "latency_ms", "above 0", "'-1'")),
        ("network,source,latency_ms\nnet,me,nan\n", ("latency_ms", "'nan'")),
        ("network,source,latency_ms\nnet,me,1e99\n", ("latency_ms",)),
        ("network,source,latency_ms\nnet,,1\n", ("row 2", "source: expected a text")),
        ("network,source,set\nnet,me,clock\n", ("row 2", "set", "key=value")),
        ("network,source,latency_ms\nnet,me,1e-99\n", ("latency_ms", "'1e-99'")),
        ("network,network,source\nnet,other,me\n", ("'network' stands twice",)),
        ("network,source,repeats\nnet,me,1.5\n", ("row 2", "repeats", "whole number", "'1.5'")),
        ("network,source,repeats\nnet,me,0.4\n", ("repeats", "'0.4'")),
    ],
)
def test_damaged_tables_are_refused_in_one_line(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(MeasurementError) as caught:
        read_measurements(table(tmp_path, text))
    assert all(part in str(caught.value) for part in parts)
    assert "\n" not in str(caught.value)


def test_a_mark_of_the_byte_order_is_no_part_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("network,source\nnet,me\n", encoding="utf-8-sig")
    assert read_measurements(path)[0].network == "net"


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="not readable"):
        read_measurements(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeasurementError, match="not readable"):
        read_measurements(tmp_path / "bytes.csv")
