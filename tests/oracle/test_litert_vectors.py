"""hwsim's integers are LiteRT's wherever an element lies: in a whole vector, or behind the last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from tests.oracle import litert
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, Call, activation, constant, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

POLICIES: Final = tuple(litert.RESOLVERS)
SEEDS: Final = 24


def differing(case: Case, policy: str, folder: Path) -> int:
    """Return how many values differ."""
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    want = litert.outputs(case.content, case.x, policy)
    got = hwsim.run(hwsim.load(path), case.x, numerics=policy).reshape(want.shape)
    return int((got != want).sum())


def sum_case(seed: int, shapes: tuple[tuple[int, ...], tuple[int, ...]], *, unsigned: bool) -> Case:
    """x + b where b's tiny scale decides ties of x: the last bit of each rescaling is seen."""
    draw = Draw(seed, is_unsigned=unsigned)
    tiny = float(np.float32(2.0 ** -draw.integer(12, 26) * draw.rng.uniform(1, 2)))
    scales = (tiny, 2.0**-4) if draw.integer(0, 1) else (2.0**-4, tiny)
    a, b = (replace(draw.quant(1.0), scale=(scale,)) for scale in scales)
    y = replace(draw.quant(1.0), scale=(2.0**-3,))
    x_shape, b_shape = shapes[:: 1 if draw.integer(0, 1) else -1]
    tensors = [
        activation("x", x_shape, a),
        constant("b", draw.codes(b, *b_shape), b),
        activation("y", np.broadcast_shapes(x_shape, b_shape), y),
    ]
    options: dict[str, int | float | bool] = {"FusedActivationFunction": FUSED["none"]}
    call = Call(code="ADD", inputs=("x", "b"), outputs=("y",), table="AddOptions", options=options)
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=draw.codes(a, 2, *x_shape))


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 40, 25), (1, 40, 25)),
        ((1, 30, 1), (1, 1, 31)),
        ((1, 9, 9, 19), (19,)),
        ((1, 9, 9, 19), (1, 1, 1, 1)),
        ((1, 9, 1, 35), (1, 9, 9, 35)),
        ((1, 1, 50, 1), (1, 4, 50, 33)),
        ((1, 8, 1, 5, 1), (1, 8, 4, 5, 17)),
        ((3, 5, 1, 7, 1), (1, 5, 9, 1, 17)),
        ((1, 7, 5, 8, 1), (1, 1, 5, 8, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("policy", POLICIES)
def test_sums_of_all_broadcasts_to_the_last_bit(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], unsigned: bool, policy: str, tmp_path: Path
) -> None:
    cases = [sum_case(seed, shapes, unsigned=unsigned) for seed in range(12)]
    assert [differing(case, policy, tmp_path) for case in cases] == [0] * len(cases)


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("code", ["QUANTIZE", "REQUANTIZE", "DEQUANTIZE"])
@pytest.mark.parametrize("policy", POLICIES)
def test_conversions_of_any_size(code: str, unsigned: bool, policy: str, tmp_path: Path) -> None:
    """Whole vectors and what is left of them may round otherwise."""
    off = 0
    for seed in range(SEEDS):
        draw = Draw(seed, is_unsigned=unsigned)
        size = draw.integer(1, 70)
        x = None if code == "QUANTIZE" else draw.quant(0.05)
        y = None if code == "DEQUANTIZE" else draw.quant(0.08)
        tensors = [activation("x", (1, size), x), activation("y", (1, size), y)]
        call = Call(
            code=code.removeprefix("RE"),
            inputs=("x",),
            outputs=("y",),
            table="DequantizeOptions" if y is None else "QuantizeOptions",
        )
        if x is None:
            assert y is not None
            halves = draw.rng.integers(-300, 300, (20, size)) * (0.5 * y.scale[0])
            near = 1 + draw.rng.integers(-2, 3, halves.shape) * 6e-8
            values = (halves * near).astype(np.float32)
        else:
            values = draw.codes(x, 20, size)
        content = tflite_bytes(tensors, [call], ["x"], ["y"])
        off += differing(Case(content=content, x=values), policy, tmp_path)
    assert off == 0
