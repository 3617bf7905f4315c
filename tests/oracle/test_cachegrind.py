"""Caches miss where cachegrind's do, on the trace of a small program that valgrind runs twice."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from hwsim.cache import CacheLevel, CacheState, simulate

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        not (shutil.which("valgrind") and shutil.which("gcc") and platform.machine() == "x86_64"),
        reason="needs valgrind and gcc on x86-64",
    ),
]

# Without the C library, so that little else than these accesses is traced.
PROGRAM: Final = """
static volatile char bytes[16384] __attribute__((aligned(64)));
#define AT(type, i) (*(volatile type *)(bytes + (i)))
void _start(void) {
    unsigned state = 1;
    for (int i = 0; i < 900; i++) {
        state = state * 1103515245u + 12345u;
        unsigned at = (state >> 8) & 8191;
        at &= -ALIGNMENT;
        if (i % 3 == 0) AT(int, at) = i;
        else if (i % 3 == 1) AT(double, at + 4096) = AT(double, i & 1023 & -ALIGNMENT);
        else AT(int, at) += AT(short, i * 7 & 8191 & -ALIGNMENT);
    }
    __asm__ volatile("syscall" :: "a"(60), "D"(0));
}
"""
GEOMETRIES: Final = (
    # Size, ways, bytes of a line: of I1, D1 and LL.
    ((64, 1, 32), (1024, 2, 32), (4096, 4, 64)),
    ((128, 2, 32), (512, 1, 32), (8192, 8, 32)),
    ((96, 3, 32), (4096, 8, 64), (6144, 3, 128)),
    ((256, 4, 64), (1024, 16, 64), (16384, 4, 64)),
)
COUNTS: Final = ("Ir", "I1mr", "ILmr", "Dr", "D1mr", "DLmr", "Dw", "D1mw", "DLmw")

Access = tuple[str, int, int]


def valgrind(*arguments: str, folder: Path) -> None:
    command = ["valgrind", *arguments, "./program"]
    # The stack begins behind the environment, which is the same for both runs.
    subprocess.run(command, cwd=folder, env={}, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module", params=[8, 1], ids=["aligned", "straddling"])
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the program and its trace."""
    folder = tmp_path_factory.mktemp("cachegrind")
    (folder / "program.c").write_text(PROGRAM, encoding="utf-8")
    flags = ["-O1", "-nostdlib", "-static", f"-DALIGNMENT={request.param}"]
    subprocess.run(
        ["gcc", *flags, "-o", "program", "program.c"], cwd=folder, check=True, timeout=120
    )
    valgrind("--tool=lackey", "--trace-mem=yes", "--log-file=trace.txt", folder=folder)
    return folder


def trace(folder: Path) -> list[Access]:
    """Return the kind, address and size of every access: instruction, load, store or modify."""
    text = (folder / "trace.txt").read_text(encoding="utf-8")
    found = re.findall(r"^(I| L| S| M) +([0-9a-f]+),(\d+)$", text, re.M)
    assert len(found) > 10_000
    return [(kind.strip(), int(address, 16), int(size)) for kind, address, size in found]


def cachegrind(folder: Path, geometry: tuple[tuple[int, int, int], ...]) -> dict[str, int]:
    """Return what cachegrind counts."""
    sizes = [
        f"--{name}={','.join(map(str, extents))}"
        for name, extents in zip(("I1", "D1", "LL"), geometry, strict=True)
    ]
    output = "--cachegrind-out-file=counts.txt"
    valgrind("--tool=cachegrind", "--cache-sim=yes", output, *sizes, folder=folder)
    text = (folder / "counts.txt").read_text(encoding="utf-8")
    names = re.search(r"^events: (.*)$", text, re.M)
    totals = re.search(r"^summary: (.*)$", text, re.M)
    assert names
    assert totals
    return dict(zip(names[1].split(), map(int, totals[1].split()), strict=True))


class Missing:
    """One cache, asked access by access, as cachegrind counts: one miss, however many lines."""

    def __init__(self, name: str, extents: tuple[int, int, int]) -> None:
        size_bytes, ways, line_bytes = extents
        level = CacheLevel(name=name, size_bytes=size_bytes, line_bytes=line_bytes, ways=ways)
        self.levels = [level]
        self.state = CacheState.empty(self.levels)

    def misses(self, address: int, size: int) -> bool:
        got = simulate(self.levels, np.array([address]), np.array([size]), state=self.state)
        self.state = got.state
        return got.levels[0].misses > 0


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_cachegrind(traced: Path, geometry: tuple[tuple[int, int, int], ...]) -> None:
    accesses = trace(traced)
    i1, d1, ll = (
        Missing(name, extents) for name, extents in zip(("I1", "D1", "LL"), geometry, strict=True)
    )
    counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
    for kind, address, size in accesses:
        # What is read and written at once counts as read; writes fetch their lines as reads do.
        part = {"I": "I{}r", "L": "D{}r", "M": "D{}r", "S": "D{}w"}[kind]
        counts[part.format("")] += 1
        if (i1 if kind == "I" else d1).misses(address, size):
            counts[part.format("1m")] += 1
            # All lines of the access are looked up, those found in the first level too.
            counts[part.format("Lm")] += ll.misses(address, size)
    theirs = cachegrind(traced, geometry)
    assert counts == theirs
    assert theirs["D1mr"] > theirs["DLmr"] > 0


@pytest.mark.parametrize("traced", [8], indirect=True)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_whole_trace(traced: Path, geometry: tuple[tuple[int, int, int], ...]) -> None:
    data = [(address, size) for kind, address, size in trace(traced) if kind != "I"]
    addresses, sizes = np.array(data).T
    got = simulate(Missing("D1", geometry[1]).levels, addresses, sizes)
    theirs = cachegrind(traced, geometry)
    # No access leaves its line here, so that lines and accesses are as many.
    assert got.levels[0].accesses == len(data) == theirs["Dr"] + theirs["Dw"]
    assert got.levels[0].misses == theirs["D1mr"] + theirs["D1mw"]
