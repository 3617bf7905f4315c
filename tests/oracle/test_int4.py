"""Weights of 4 bits, two to a byte, are read and computed as LiteRT does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle import litert
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, Call, Tensor, activation, constant, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SEEDS: Final = 24


def packed(codes: Array) -> Array:
    """Return two codes a byte, the first in the lower half."""
    nibbles = np.append(codes.reshape(-1), np.zeros(codes.size % 2, np.int8)) & 15
    return (nibbles[::2] | (nibbles[1::2] << 4)).astype(np.uint8)


def layer(draw: Draw, *, is_conv: bool) -> Case:
    features, out = draw.integer(1, 21), draw.integer(1, 9)
    shape = (out, 1, 1, features) if is_conv else (out, features)
    leading = (1, 3, 2) if is_conv else (1,)
    x, (_, w) = draw.quant(0.03), draw.weights(out, 0, *shape)
    w = replace(w, bits=4, scale=tuple(16 * scale for scale in w.scale))
    codes = draw.rng.integers(-7, 8, shape).astype(np.int8)
    y = draw.quant(0.03 * 0.16 * 4 * features**0.5)
    tensors = [
        activation("x", (*leading, features), x),
        Tensor(name="w", shape=shape, dtype="int4", quant=w, values=packed(codes)),
        constant("b", *draw.bias(x, w, out)),
        activation("y", (*leading, out), y),
    ]
    options = {"FusedActivationFunction": FUSED[draw.one_of(list(FUSED))]}
    if is_conv:
        options |= {"Padding": 1, "StrideW": 1, "StrideH": 1}
        options |= {"DilationWFactor": 1, "DilationHFactor": 1}
    call = Call(
        code="CONV_2D" if is_conv else "FULLY_CONNECTED",
        inputs=("x", "w", "b"),
        outputs=("y",),
        table="Conv2DOptions" if is_conv else "FullyConnectedOptions",
        options={**options},
    )
    given = draw.codes(x, 20, *leading[1:], features)
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=given)


@pytest.mark.parametrize("is_conv", [False, True], ids=["linear", "conv"])
def test_four_bit_weights(is_conv: bool, tmp_path: Path) -> None:
    path = tmp_path / "case.tflite"
    for seed in range(SEEDS):
        case = layer(Draw(seed), is_conv=is_conv)
        path.write_bytes(case.content)
        graph = hwsim.load(path)
        weight = graph.nodes[-1].op.weight
        assert weight is not None
        assert weight.bits == 4
        assert weight.storage_bytes == -(-weight.codes.size // 2)
        want = litert.outputs(case.content, case.x, "tflite-ref")
        got = hwsim.run(graph, case.x, numerics="tflite-ref").reshape(want.shape)
        assert int((got != want).sum()) == 0, seed


def test_packing_by_hand() -> None:
    assert packed(np.array([1, -1, 7], np.int8)).tolist() == [0xF1, 0x07]
    assert Quant(scale=(1.0,), bits=4).low == -8
