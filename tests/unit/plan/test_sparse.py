"""Sparse instructions beside the dense layer's twin, `op.prepare`: no byte differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim.plan.sparse as plan_sparse
from hwsim.arrays import Array, IntArray
from hwsim.formats.find import find_format
from hwsim.jit import target
from hwsim.kernels.micro.isa import ISAS, Isa, allowed, native
from hwsim.kernels.micro.stored import SCATTERED, heights, is_multiplied
from hwsim.numerics import Quant
from hwsim.numerics.rounding import Rounding
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear
from hwsim.plan.gain import runs_of
from hwsim.plan.heavy import end_of
from hwsim.plan.instruction import Instruction
from hwsim.plan.sparse import run_sparse, sparse
from tests.arenas import guarded
from tests.unit.plan.test_heavy import LOWEST, SAME, SUMMED, UNSIGNED, Spec, made, sdot

pytestmark = pytest.mark.slow

HERE: Final = tuple(isa for isa in allowed(target()[1]) if is_multiplied(isa))
isas = pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)
# Chance of a zero, and the block that is zero together.
PATTERNS: Final = {
    "nothing": (1.0, (1, 1)),
    "everything": (0.0, (1, 1)),
    "half": (0.5, (1, 1)),
    "few": (0.93, (1, 1)),
    "quads": (0.8, (1, 4)),
    "blocks": (0.7, (4, 4)),
    "whole rows": (0.6, (1, 10**6)),
}
TABLE: Final = {
    "a whole tile": Spec(channels=64, out=32, size=(8, 8)),
    "one position more": Spec(channels=16, out=16, size=(5, 13)),
    "a half tile at the end": Spec(channels=8, out=17, size=(12, 8)),
    "padded": Spec(channels=12, out=37, size=(9, 11), kernel=(3, 3), padding=SAME, x=LOWEST),
    "padded on one side": Spec(channels=4, out=5, size=(9, 8), kernel=(3, 2), x=UNSIGNED,
                               padding=((1, 0), (0, 3))),
    "strided": Spec(channels=20, out=33, size=(13, 12), kernel=(3, 3), stride=(2, 3)),
    "strided, no kernel": Spec(channels=68, out=8, size=(7, 5), stride=(2, 3), x=UNSIGNED),
    "dilated": Spec(channels=8, out=130, size=(11, 12), kernel=(3, 3), dilation=(2, 3)),
    "all at once": Spec(channels=8, out=20, size=(14, 15), kernel=(3, 2), stride=(2, 1),
                        dilation=(1, 3), padding=((2, 1), (0, 2)), images=2),
    "images": Spec(channels=4, out=20, size=(4, 5), kernel=(3, 3), padding=SAME, images=3),
    "images, no kernel": Spec(channels=4, out=3, size=(4, 5), images=3),
    "one channel of each": Spec(channels=1, out=1, size=(6, 6), kernel=(3, 3)),
    "no quads": Spec(channels=67, out=70, size=(7, 7), activation="relu6"),
    "sections": Spec(channels=1040, out=9, size=(9, 9)),
    "sections of taps": Spec(channels=516, out=6, size=(4, 20), kernel=(2, 2)),
    "chunks": Spec(channels=8, out=200, size=(6, 6)),
    "ties": Spec(channels=8, out=48, size=(6, 6), kernel=(3, 3), padding=SAME, is_tied=True),
    "wrapping": Spec(channels=8, out=65, size=(5, 5), kernel=(2, 2), is_wild=True),
    "one position": Spec(channels=132, out=99, size=(1, 1)),
    "linear": Spec(channels=132, out=67, is_linear=True),
    "linear, rows": Spec(channels=33, out=10, is_linear=True, images=71),
}  # fmt: skip


def pruned(op: Conv2d | Linear, pattern: tuple[float, tuple[int, int]]) -> Any:
    """Return the layer with zeros."""
    chance, block = pattern
    rng = np.random.default_rng(3)
    weight = op.weight
    shape = weight.matrix.shape
    block = min(block[0], shape[0]), min(block[1], shape[1])
    count = [-(-extent // step) for extent, step in zip(shape, block, strict=True)]
    kept = np.kron(rng.random(count) >= chance, np.ones(block, bool))[: shape[0], : shape[1]]
    centred: Array = np.where(kept, weight.centred, 0)
    codes = centred + (weight.matrix.astype(np.int64) - weight.centred)
    codes = codes.astype(weight.codes.dtype).reshape(weight.shape)
    return replace(op, weight=replace(weight, codes=codes))


def instruction_of(op: Conv2d | Linear, site: Site, isa: Isa, rows: int) -> Instruction | None:
    end = end_of(op, site, op.rounding(site.numerics))
    assert end is not None
    return sparse(runs_of(op, site), end, isa, rows)


def check(
    spec: Spec, isa: Isa, pattern: str = "half", rounding: Rounding | None = None
) -> list[IntArray]:
    """Compare a layer with its twin by every kind of step, and return its codes by each."""
    op, site, samples = made(spec, rounding)
    op = pruned(op, PATTERNS[pattern])
    (want,) = op.prepare(site)(samples)
    seen: list[IntArray] = []
    for rows in (SCATTERED, *heights(isa)):
        instruction = instruction_of(op, site, isa, rows)
        if rows != SCATTERED and spec.channels % 4:
            assert instruction is None
            continue
        assert instruction is not None
        got = np.stack([guarded(instruction, run_sparse, site, x) for x in samples])
        wrong = np.argwhere(got != want)
        assert not len(wrong), f"rows {rows}: {len(wrong)} of {want.size} differ: {wrong[0]}"
        seen.append(got)
    return seen


@isas
@pytest.mark.parametrize("name", TABLE)
def test_layers_are_their_twins(name: str, isa: Isa) -> None:
    for got in check(TABLE[name], isa):
        assert len(np.unique(got)) > 1


@isas
@pytest.mark.parametrize("pattern", PATTERNS)
def test_any_pattern_of_zeros(pattern: str, isa: Isa) -> None:
    for name in ("padded", "no quads", "sections", "linear, rows"):
        check(TABLE[name], isa, pattern)


@pytest.mark.parametrize("rounding", SUMMED, ids=lambda rounding: rounding.name)
@pytest.mark.parametrize("isa", HERE[:2], ids=lambda isa: isa.name)
def test_every_rounding(rounding: Rounding, isa: Isa) -> None:
    # 67 channels: LiteRT's vectors of eight leave three.
    spec = replace(TABLE["padded"], out=67)
    check(replace(spec, is_tied=True), isa, "half", rounding)
    check(replace(spec, is_wild=True), isa, "few", rounding)
    # Multipliers above 1 shift left.
    check(replace(spec, y=Quant(scale=(0.00002,))), isa, "half", rounding)


@pytest.mark.parametrize("at", range(36))
def test_one_weight_alone(at: int) -> None:
    op, site, samples = made(Spec(channels=4, out=1, size=(5, 5), kernel=(3, 3), padding=SAME))
    codes = np.zeros(36, np.int8)
    codes[at] = -128
    op = replace(op, weight=replace(op.weight, codes=codes.reshape(op.weight.shape)))
    (want,) = op.prepare(site)(samples)
    for rows in (SCATTERED, 1):
        instruction = instruction_of(op, site, native(), rows)
        assert instruction is not None
        got = np.stack([guarded(instruction, run_sparse, site, x) for x in samples])
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("cached", [1, 1 << 30])
def test_sections_do_not_change_bytes(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_sparse, "_CACHED_BYTES", cached)
    for name in ("padded", "all at once", "linear, rows"):
        check(TABLE[name], native())


@pytest.mark.parametrize("name", TABLE)
def test_signed_products_are_centred(name: str) -> None:
    arm = next(isa for isa in ISAS if isa.name == "sdot")
    check(TABLE[name], replace(arm, name="sdot_in_words", dot=sdot))


def test_groups_and_wide_weights_have_no_instruction() -> None:
    grouped, site, _ = made(Spec(channels=8, out=8, size=(4, 4), kernel=(2, 2), groups=2))
    assert instruction_of(grouped, site, native(), SCATTERED) is None
    weight = Quant(scale=(0.01,), zero_point=(1,), signed=False)
    wide, site, _ = made(Spec(channels=8, out=64, size=(2, 2), weight=weight))
    assert wide.weight.centred.max() > 127
    assert instruction_of(wide, site, native(), SCATTERED) is None


@isas
def test_weights_with_a_zero_point(isa: Isa) -> None:
    weight = Quant(scale=(0.01,), zero_point=(2,), bits=4)
    for got in check(replace(TABLE["padded"], weight=weight), isa, "few"):
        assert len(np.unique(got)) > 1


def test_formats_of_other_widths_do_not_matter() -> None:
    op, site, samples = made(TABLE["padded"])
    op = pruned(op, PATTERNS["few"])
    stored = replace(op, weight=replace(op.weight, format=find_format("csr")))
    (want,) = stored.prepare(site)(samples)
    (same,) = op.prepare(site)(samples)
    np.testing.assert_array_equal(want, same)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Return any layer of one group and moderate size."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    low, high = (0, 255) if draw(st.booleans()) else (-128, 127)
    zeros = st.sampled_from([low, high]) | st.integers(low, high)
    x, y = (
        Quant(scale=(scale,), zero_point=(draw(zeros),), signed=low < 0)
        for scale in (0.05, draw(st.sampled_from([0.03, 0.25, 2.0])))
    )
    channels = draw(st.integers(1, 60)) * draw(st.sampled_from([1, 1, 4]))
    common: dict[str, Any] = {
        "channels": channels,
        "out": draw(st.integers(1, 150)),
        "x": x,
        "y": y,
        "activation": draw(st.sampled_from(["none", "relu", "relu6"])),
        "is_wild": draw(st.booleans()),
    }
    if draw(st.sampled_from([True, False, False])):
        return Spec(is_linear=True, images=draw(st.integers(1, 150)), **common)
    return Spec(
        size=pair(6, 14), kernel=pair(1, 3), stride=pair(1, 3), dilation=pair(1, 2),
        padding=(pair(0, 3), pair(0, 3)), images=draw(st.integers(1, 2)), **common,
    )  # fmt: skip


@settings(max_examples=60)
@given(specs(), st.sampled_from(list(PATTERNS)))
def test_any_layer_is_its_twin(spec: Spec, pattern: str) -> None:
    check(spec, native(), pattern)
