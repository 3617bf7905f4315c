"""Activations of 16 bits are LiteRT's and TensorFlow Lite Micro's: each op alone, with ties."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.errors import InterchangeError, UnsupportedError
from hwsim.numerics import Quant
from tests.oracle import litert, single_ops
from tests.oracle.int16_ops import CASES, WideDraw, narrow_linear
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import Call, activation, constant, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SEEDS: Final = 8
LARGE: Final = 1 << 23
# LiteRT's own kernels sum linear layers in 32 bits unless the bias has 64; that rounding is not
# known well enough to be claimed.
UNKNOWN: Final = ("linear", "narrow_linear")
# TensorFlow Lite Micro clamps 16-bit codes to a 6 of its own.
MICRO_UNKNOWN: Final = ("relu6",)


def differing(case: Case, policy: str, want: Array, folder: Path) -> tuple[int, int]:
    """Return how many values differ, and of how many."""
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    got = hwsim.run(hwsim.load(path), case.x, numerics=policy).reshape(want.shape)
    return int((got != want).sum()), want.size


@pytest.mark.parametrize("policy", litert.RESOLVERS)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_op_alone(make: Callable[[Draw], Case], policy: str, tmp_path: Path) -> None:
    compared = 0
    for seed in range(SEEDS):
        case = make(WideDraw(seed))
        want = litert.outputs(case.content, case.x, policy)
        try:
            off, count = differing(case, policy, want, tmp_path)
        except UnsupportedError:
            assert make.__name__ in UNKNOWN
            assert policy != "tflite-ref"
            continue
        assert off == 0, seed
        compared += count
    assert compared > 500 or make is narrow_linear


def micro_outputs(content: bytes, x: Array) -> Array:
    """Return the first output of TensorFlow Lite Micro for stacked inputs."""
    micro: Any = pytest.importorskip("tflite_micro.python.tflite_micro", reason="no tflite-micro")
    runner = micro.runtime.Interpreter.from_bytes(content, arena_size=LARGE)
    results: list[Array] = []
    for sample in x.reshape(-1, *runner.get_input_details(0)["shape"]):
        runner.set_input(sample, 0)
        runner.invoke()
        results.append(runner.get_output(0).copy())
    return np.stack(results)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_op_alone_on_a_microcontroller(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    for seed in range(SEEDS):
        case = make(WideDraw(seed))
        try:
            off, _ = differing(case, "tflm", micro_outputs(case.content, case.x), tmp_path)
        except UnsupportedError:
            assert make.__name__ in MICRO_UNKNOWN
            continue
        assert off == 0, seed


def test_a_product_of_two_activations(tmp_path: Path) -> None:
    x, w, y = (Quant(scale=(s,), bits=16) for s in (1e-4, 3e-4, 2e-2))
    rng = np.random.default_rng(5)
    codes = rng.integers(-32768, 32768, (2, 9, 5)).astype(np.int16)
    tensors = [
        activation("x", (2, 7, 9), x), constant("w", codes, w), activation("y", (2, 7, 5), y)
    ]  # fmt: skip
    call = Call(code="BATCH_MATMUL", inputs=("x", "w"), outputs=("y",), table="BatchMatMulOptions")
    given = rng.integers(-32768, 32768, (20, 2, 7, 9)).astype(np.int16)
    case = Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=given)
    for policy in litert.RESOLVERS:
        want = litert.outputs(case.content, case.x, policy)
        assert differing(case, policy, want, tmp_path) == (0, want.size)


def _refused(content: bytes, folder: Path, message: str) -> None:
    path = folder / "case.tflite"
    path.write_bytes(content)
    with pytest.raises(InterchangeError, match=message) as caught:
        hwsim.load(path)
    assert "\n" not in str(caught.value)


def test_a_short_bias_that_is_not_announced_is_refused(tmp_path: Path) -> None:
    x, y = Quant(scale=(1e-4,), bits=16), Quant(scale=(1e-3,), bits=16)
    tensors = [
        activation("x", (1, 2), x),
        constant("w", np.ones((3, 2), np.int8), Quant(scale=(0.5,))),
        constant("b", np.zeros(3, np.int32), Quant(scale=(5e-5,), bits=32)),
        activation("y", (1, 3), y),
    ]
    call = Call(
        code="FULLY_CONNECTED", inputs=("x", "w", "b"), outputs=("y",),
        table="FullyConnectedOptions",
    )  # fmt: skip
    content = tflite_bytes(tensors, [call], ["x"], ["y"])
    _refused(content, tmp_path, r"16-bit activations need a bias of 64 bits")


def test_sums_by_shifts_are_refused(tmp_path: Path) -> None:
    quant = Quant(scale=(2.0**-12,), bits=16)
    tensors = [activation(name, (1, 4), quant) for name in ("x", "y")]
    call = Call(code="ADD", inputs=("x", "x"), outputs=("y",), table="AddOptions")
    content = tflite_bytes(tensors, [call], ["x"], ["y"])
    _refused(content, tmp_path, r"pot_scale_int16")


@pytest.mark.parametrize("code", ["SOFTMAX", "LOGISTIC", "TANH"])
def test_results_of_another_scale_are_refused(code: str, tmp_path: Path) -> None:
    x, y = Quant(scale=(1e-4,), bits=16), Quant(scale=(1e-3,), bits=16)
    tensors = [activation("x", (1, 4), x), activation("y", (1, 4), y)]
    call = Call(code=code, inputs=("x",), outputs=("y",), table="SoftmaxOptions")
    _refused(tflite_bytes(tensors, [call], ["x"], ["y"]), tmp_path, r"scale 1/32768")


def test_the_policies_are_not_one() -> None:
    """Were they, the comparisons above would show less than they say."""
    for make in (single_ops.linear,):
        off = 0
        for seed in range(24):
            case = make(WideDraw(seed))
            micro = micro_outputs(case.content, case.x)
            off += int((micro != litert.outputs(case.content, case.x, "tflite-ref")).sum())
        assert off > 0
