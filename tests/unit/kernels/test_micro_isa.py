"""The table of instruction sets, and the code that is emitted for those that are not here."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pytest

from hwsim.kernels.micro.depthwise import Tile, depthwise_text, widest
from hwsim.kernels.micro.isa import ISAS, Isa, allowed
from hwsim.kernels.micro.library import Library
from hwsim.kernels.micro.panel import panel_text
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.runs import copy_text, fill_text

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
# What each must be made of: a kernel that lacks it computes the same, many times slower.
INSTRUCTIONS: Final = {
    "vnni512": (X86, r"vpdpbusd\s.*%zmm"),
    "vnni256": (X86, r"vpdpbusd\s.*%ymm"),
    "avxvnni": (X86, r"vpdpbusd\s.*%ymm"),
    "bw512": (X86, r"vpmaddwd\s.*%zmm"),
    "avx2": (X86, r"vpmaddwd\s.*%ymm"),
    "usdot": (ARM, r"\busdot\s+v\d+\.4s"),
    "sdot": (ARM, r"\bsdot\s+v\d+\.4s"),
    "float32": (X86, r"\bmulps\s"),
}
isas = pytest.mark.parametrize("isa", ISAS, ids=lambda isa: isa.name)


def library(isa: Isa) -> Library:
    """Return a library of a target that may do what `isa` needs, and nothing else."""
    features = ",".join(f"+{name}" for name in sorted(isa.features))
    triple, _ = INSTRUCTIONS[isa.name]
    return Library(triple, "generic" if triple == ARM else "x86-64", features)


@isas
def test_kernels_use_the_instruction_that_they_are_named_after(isa: Isa) -> None:
    made = library(isa)
    pattern = INSTRUCTIONS[isa.name][1]
    vectors = isa.vectors
    rows = isa.rows(vectors, 100)
    tile = made.assembly(panel_text(isa, 0, vectors, rows))
    assert len(re.findall(pattern, tile)) >= vectors * rows
    single = made.assembly(panel_text(isa, 0, 1, 1))
    assert len(re.findall(pattern, single)) >= 4
    deep = made.assembly(depthwise_text(isa, 0, widest(isa), Tile(positions=2)))
    assert len(re.findall(pattern, deep)) >= 2 * widest(isa)


@isas
def test_every_formula_compiles_for_every_target(isa: Isa) -> None:
    made = library(isa)
    for form in range(len(FORMS)):
        assert made.object_code(panel_text(isa, form, isa.vectors, 2))
    for size in (1, 2, 4):
        assert made.object_code(copy_text(size))
        assert made.object_code(fill_text(size))


@isas
def test_a_tile_fits_the_registers(isa: Isa) -> None:
    for vectors in range(1, isa.vectors + 1):
        for positions in range(1, 60):
            rows = isa.rows(vectors, positions)
            assert rows == 1 if positions == 1 else rows >= 2
            assert rows * vectors <= isa.registers
    assert isa.rows(isa.vectors, 10**6) == min(8, isa.registers // isa.vectors)


@isas
def test_every_place_of_a_tile_is_one_channel(isa: Isa) -> None:
    for vectors in range(1, isa.vectors + 1):
        assert sorted(isa.order(vectors)) == list(range(vectors * isa.lanes))


def test_packs_interleave_within_128_bits() -> None:
    vnni = next(isa for isa in ISAS if isa.name == "vnni256")
    order = vnni.order(4).reshape(4, 2, 4)
    assert order[0].tolist() == [[0, 1, 2, 3], [16, 17, 18, 19]]
    assert order[1, 0].tolist() == [4, 5, 6, 7]


@isas
def test_sums_of_reals_stay_whole(isa: Isa) -> None:
    for weight in (1, 7, 127, 128, 255):
        depth = isa.depth(weight)
        assert depth >= 1
        if isa.element_bytes == 4:
            assert depth * weight * 255 < 1 << 24
            assert np.float32(depth * weight * 255) == depth * weight * 255


def test_a_target_is_served_by_what_it_may_do() -> None:
    def best(features: str) -> str:
        return allowed(features)[0].name

    assert best("") == "float32"
    assert best("+avx2") == "avx2"
    assert best("+avx2,-avx512f") == "avx2"
    assert best("+avx2,+avxvnni") == "avxvnni"
    assert best("+avx2,+avx512f,+avx512bw,+avx512vl") == "bw512"
    assert best("+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni") == "vnni512"
    assert best("+avx2,+avx512f,+avx512bw,+avx512vl,-avx512vnni") == "bw512"
    assert best("+neon,+dotprod") == "sdot"
    assert best("+neon,+dotprod,+i8mm") == "usdot"
    assert best("+neon") == "float32"
