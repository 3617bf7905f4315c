"""Layers multiplied by matrices, beside their twins: where AMX is not, its tiles are emulated.

The code that runs is the one that is emitted, but for the instructions on tiles: calls of what they
do in NumPy.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hwsim.kernels.micro.library as micro_library
from hwsim.arrays import IntArray
from hwsim.jit import target
from hwsim.kernels.micro import tiles
from hwsim.kernels.micro.assembly import shuffle
from hwsim.kernels.micro.isa import ISAS, features_of
from hwsim.kernels.micro.tiles import AMX
from hwsim.numerics import Quant
from hwsim.numerics.rounding import Rounding
from hwsim.plan.multiplier import agrees, has_tiles
from tests.emulated_tiles import CALLBACKS, OPERANDS, PROCESSOR, Tiles
from tests.unit.plan import test_heavy as heavy
from tests.unit.plan.test_heavy import SUMMED, TABLE, Spec, check

pytestmark = pytest.mark.slow

HAS_PACKS: Final = AMX.features - {"amx-tile", "amx-int8"} <= features_of(target()[1])
# Without AVX-512 the bytes are narrowed in words that every target knows.
HERE: Final = AMX if HAS_PACKS else replace(AMX, name="amx_unpacked", packs=False)


def dpbusd(b: Any, total: Any, x: Any, w: Any) -> Any:
    """What VPDPBUSD does, in words that every target knows."""
    for k in range(4):
        lanes = range(k, 64, 4)
        bytes_ = b.bitcast(x, w.type)
        codes = b.zext(shuffle(b, bytes_, bytes_, lanes), total.type)
        total = b.add(total, b.mul(codes, b.sext(shuffle(b, w, w, lanes), total.type)))
    return total


VECTORS: Final = replace(ISAS[0], name="vnni512_in_words", packs=False, dot=dpbusd)
LAYERS: Final = tuple(name for name in TABLE if not name.startswith("deep"))


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tiles:
    """Return emulated tiles, which take the place of instructions."""
    monkeypatch.setattr(micro_library, "CACHE_FOLDER", tmp_path)
    for name, function in CALLBACKS.items():
        address = ctypes.cast(function, ctypes.c_void_p).value
        micro_library.llvm.add_symbol(f"emulated_{name}", address)
    instruction = re.compile(rf"llvm\.x86\.({'|'.join(OPERANDS)})\b")

    def address_of(name: str, build: Callable[[], str]) -> int:
        def emulated() -> str:
            text, count = instruction.subn(r"emulated_\1", build())
            assert count > 8
            return text.replace(name, f"emulated_{name}")

        return micro_library.address_of(f"emulated_{name}", emulated)

    monkeypatch.setattr(tiles, "address_of", address_of)
    PROCESSOR.errors.clear()
    PROCESSOR.lost_at = -1
    return PROCESSOR


def checked(spec: Spec, rounding: Rounding | None = None) -> IntArray:
    """Compare a layer with its twin, and return its codes."""
    codes = check(spec, HERE, rounding)
    assert PROCESSOR.errors == []
    assert PROCESSOR.rows == [], "not released"
    return codes


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_their_twins(name: str) -> None:
    assert len(np.unique(checked(TABLE[name]))) > 1


@pytest.mark.parametrize("rounding", SUMMED, ids=lambda rounding: rounding.name)
def test_every_rounding(rounding: Rounding) -> None:
    for name in ("pointwise", "linear, rows"):
        checked(replace(TABLE[name], is_tied=True), rounding)
        checked(replace(TABLE[name], is_wild=True), rounding)


@pytest.mark.parametrize("channels", [1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 130])
def test_runs_of_any_length(channels: int) -> None:
    same = ((1, 1), (1, 1))
    checked(Spec(channels=channels, out=20, size=(5, 7)))
    checked(Spec(channels=channels, out=7, size=(5, 5), kernel=(3, 3), padding=same))
    checked(Spec(channels=channels, out=3, size=(9, 6), kernel=(2, 3), stride=(2, 1)))


@pytest.mark.parametrize("out", [1, 15, 16, 17, 32, 33, 48, 49, 63, 64, 65, 80, 127, 128, 130])
def test_any_number_of_channels(out: int) -> None:
    checked(Spec(channels=70, out=out, size=(5, 4)))
    checked(Spec(channels=9, out=out, is_linear=True, images=33, is_wild=True))


@pytest.mark.parametrize("positions", [1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 300])
def test_any_number_of_positions(positions: int) -> None:
    checked(Spec(channels=66, out=70, is_linear=True, images=positions))


def test_more_steps_than_are_gathered_at_once() -> None:
    for channels in (7 * 64, 8 * 64, 8 * 64 + 1, 17 * 64):
        checked(Spec(channels=channels, out=18, is_linear=True, images=17))


@pytest.mark.parametrize("zero", [1, 254])
def test_weights_with_a_zero_point(zero: int) -> None:
    weight = Quant(scale=(0.01,), zero_point=(zero,), signed=False)
    for name in ("dilated", "groups", "linear"):
        checked(replace(TABLE[name], weight=weight))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Return any layer of moderate size that is not depthwise."""
    spec = draw(heavy.specs().filter(lambda spec: spec.groups == 1 or spec.channels > spec.groups))
    return replace(spec, channels=draw(st.integers(1, 130))) if spec.groups == 1 else spec


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(specs())
def test_any_layer_is_its_twin(spec: Spec) -> None:
    checked(spec)


def test_threads_have_tiles_of_their_own() -> None:
    spec = Spec(channels=70, out=70, is_linear=True, images=40)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(checked, [spec] * 8))


@pytest.mark.parametrize("instruction", range(1, 40))
def test_what_tiles_lose_is_computed_again(instruction: int, processor: Tiles) -> None:
    # One block of two vectors in two steps is some 15 instructions.
    spec = Spec(channels=100, out=30, is_linear=True, images=40)
    processor.lost_at = instruction
    checked(spec)
    assert processor.lost_at < 0


def test_instruction_sets_agree() -> None:
    assert agrees(HERE, VECTORS)
    assert not HAS_PACKS or agrees(HERE, ISAS[0])
    assert PROCESSOR.errors == []


@pytest.mark.parametrize("fault", ["signed", "saturating", "deaf"])
def test_a_wrong_product_is_seen(
    fault: str, processor: Tiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = processor.tdpbusd

    def wrong(c: int, a: int, b: int) -> None:
        if fault == "signed":
            processor.data[a] = np.minimum(processor.data[a], 127)
        if fault == "saturating":
            processor.data[b] = np.maximum(processor.data[b].view(np.int8), -127).view(np.uint8)
        if fault == "deaf":
            processor.data[a, 15] = 0
        right(c, a, b)

    monkeypatch.setattr(processor, "tdpbusd", wrong)
    assert not agrees(HERE, VECTORS)


@pytest.mark.skipif(not has_tiles(), reason="no AMX here")
def test_this_machine_is_its_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "address_of", micro_library.address_of)
    for name in LAYERS:
        check(TABLE[name], AMX)
