"""A short, repeatable run of every fuzzer: seeds as they are, and damaged without regard to cover.

`python -m tests.fuzz NAME --runs N` runs longer, guided by coverage.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from hwsim.errors import HwsimError
from tests.fuzz.session import Session
from tests.fuzz.target import Target

NAMES = sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))
# Reading one takes torch some 20 ms, and YAML of a profile as long.
RUNS = {"pt2": 15, "profile": 15}
MOST_RUNS = 150


@pytest.mark.parametrize("name", NAMES)
def test_no_reader_breaks_a_rule(name: str, tmp_path: Path) -> None:
    if name == "pt2":
        pytest.importorskip("torch")
    target: Target = importlib.import_module(f"tests.fuzz.fuzz_{name}").TARGET
    (tmp_path / "findings").mkdir()
    (tmp_path / "inputs").mkdir()
    session = Session(target, tmp_path / "findings", tmp_path / "inputs")
    seeds, runs = target.inputs(), RUNS.get(name, MOST_RUNS)
    session.blind(seeds[:: 1 + 3 * len(seeds) // runs], runs, seed=7)
    assert not session.findings
    assert session.count == runs


@pytest.mark.parametrize("name", NAMES)
def test_seeds_are_read_and_odd_inputs_are_not(name: str, tmp_path: Path) -> None:
    if name == "pt2":
        pytest.importorskip("torch")
    target: Target = importlib.import_module(f"tests.fuzz.fuzz_{name}").TARGET
    path = tmp_path / f"input{target.suffix}"
    for content in target.seeds():
        path.write_bytes(target.dressed(content))
        target.read(path)
    for content in target.odd():
        path.write_bytes(target.dressed(content))
        with pytest.raises(HwsimError):
            target.read(path)


def test_a_reader_that_breaks_each_rule_is_found_out(tmp_path: Path) -> None:
    def read(path: Path) -> object:
        match path.read_bytes():
            case b"crash":
                raise KeyError("x")
            case b"message":

                class TwoLinesError(HwsimError):
                    def __str__(self) -> str:
                        return "two\nlines"

                raise TwoLinesError
            case b"memory":
                raise MemoryError
            case _:
                return None

    target = Target(
        name="x", suffix=".x", seeds=lambda: iter((b"",)), read=read, mutate=lambda c, _: c
    )
    session = Session(target, tmp_path, tmp_path)
    for content in (b"fine", b"crash", b"message", b"memory", b"crash"):
        session.one(content)
    assert sorted(kind for kind, _ in session.findings) == ["crash", "memory", "message"]
