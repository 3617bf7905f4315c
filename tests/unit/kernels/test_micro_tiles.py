"""The code that is emitted for AMX, which needs no AMX to be read."""

from __future__ import annotations

import re
from typing import Final

import pytest

from hwsim.kernels.micro.isa import ISAS, TILE_ROWS
from hwsim.kernels.micro.library import Library
from hwsim.kernels.micro.panel import panel_text
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.tiles import AMX, tiled_text

FEATURES: Final = ",".join(f"+{name}" for name in sorted(AMX.features))
LIBRARY: Final = Library("x86_64-unknown-linux-gnu", "x86-64", FEATURES)


def tile_instructions(form: int, vectors: int) -> list[str]:
    """Return those on tiles, and returns, in the order of the code."""
    code = LIBRARY.assembly(tiled_text(AMX, form, vectors))
    return re.findall(r"^\s+((?:ld|st)?tile\w+|tdp\w+|ret\w*)\b", code, re.MULTILINE)


@pytest.mark.parametrize("vectors", [1, 2, 3, 4])
@pytest.mark.parametrize("form", range(len(FORMS)))
def test_the_code_is_made_of_tiles(form: int, vectors: int) -> None:
    found = tile_instructions(form, vectors)
    # One return, right behind the release: no way out leaves tiles configured.
    assert found[0] == "ldtilecfg"
    assert found[-2:] == ["tilerelease", "retq"]
    assert found.count("ldtilecfg") == found.count("tilerelease") == found.count("retq") == 1
    assert found.count("tilezero") == found.count("tdpbusd") == vectors
    # Positions, weights and the mark; sums and the mark.
    assert found.count("tileloadd") == 2 + vectors
    assert found.count("tilestored") == 1 + vectors
    assert len(found) == 6 + 4 * vectors


@pytest.mark.parametrize("vectors", [1, 4])
def test_the_configuration_is_stored_before_it_is_loaded(vectors: int) -> None:
    code = LIBRARY.assembly(tiled_text(AMX, 0, vectors))
    (place,) = re.findall(r"ldtilecfg\s+(\S+)", code)
    before = code[: code.index("ldtilecfg")]
    assert re.search(rf"vmov\w+\s+%zmm\d+, {re.escape(place)}\n", before)


def test_activations_come_first_and_weights_second() -> None:
    code = LIBRARY.assembly(tiled_text(AMX, 0, 4))
    # AT&T writes them the other way round: signed, unsigned, sums.
    triples = re.findall(r"tdpbusd\s+%tmm(\d), %tmm(\d), %tmm(\d)", code)
    assert [int(sums) for *_, sums in triples] == [0, 1, 2, 3]
    assert {positions for _, positions, _ in triples} == {"4"}
    assert {weights for weights, *_ in triples} == {"5", "6"}


def test_its_code_is_kept_apart() -> None:
    vnni = next(isa for isa in ISAS if isa.name == "vnni512")
    texts = [tiled_text(AMX, form, vectors) for form in (0, 1) for vectors in (3, 4)]
    texts.append(panel_text(vnni, 0, 4, TILE_ROWS))
    names = {re.findall(r'define void @"(\w+)"', text)[0] for text in texts}
    assert len(names) == len(texts)


def test_a_tile_takes_its_rows_whatever_there_is() -> None:
    for vectors in range(1, AMX.vectors + 1):
        assert {AMX.rows(vectors, positions) for positions in (1, 2, 15, 16, 17, 1000)} == {16}
