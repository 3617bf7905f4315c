"""hwsim's integers under `tflm` are TensorFlow Lite Micro's: each op alone, and whole models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from hwsim.numerics import Quant
from tests.oracle import more_ops, single_ops, tflm
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import Call, activation, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SHARED: Final = Path(__file__).parents[3] / "shared"
MODELS: Final = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")
# The interpreter's kernel of relu6 takes the encodings of operand and result for one, as they are
# in files of converters and in the test further down.
CASES: Final = tuple(
    make for make in (*single_ops.CASES, *more_ops.CASES) if make.__name__ != "relu6"
)
SEEDS: Final = 24
LACKING: Final = ("exp", "relu_0_to_1", "relu_n1_to_1", "tile")
"""Ops of int8 that the interpreter has no kernel for; of strided slices it takes some."""


def differing(case: Case, folder: Path) -> tuple[int, int]:
    """Return how many values differ, and of how many."""
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    want = tflm.outputs(case.content, case.x)
    got = hwsim.run(hwsim.load(path), case.x, numerics="tflm").reshape(want.shape)
    return int((got != want).sum()), want.size


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_op_alone(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    values, off = 0, dict[int, int]()
    for seed in range(SEEDS):
        try:
            bad, size = differing(make(Draw(seed)), tmp_path)
        except tflm.LackingError:
            assert make.__name__ in (*LACKING, "strided_slice")
            continue
        values += size
        if bad:
            off[seed] = bad
    assert off == {}
    assert (values > 300) == (make.__name__ not in LACKING)


@pytest.mark.parametrize("code", ["LOGISTIC", "TANH", "RELU6"])
def test_all_codes_of_functions_with_arithmetic_of_their_own(code: str, tmp_path: Path) -> None:
    fixed = {
        "LOGISTIC": Quant(scale=(1 / 256,), zero_point=(-128,)),
        "TANH": Quant(scale=(1 / 128,), zero_point=(0,)),
    }
    codes = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    rng = np.random.default_rng(5)
    off = 0
    for scale in (2.0**-12, 2.0**-7, 2.0**-4, 0.25, 1.0, 5.0, *rng.uniform(1e-3, 0.3, 60)):
        x = Quant(scale=(float(np.float32(scale)),), zero_point=(int(rng.integers(-128, 128)),))
        y = fixed.get(code, x)
        tensors = [activation("x", (1, 256), x), activation("y", (1, 256), y)]
        content = tflite_bytes(
            tensors, [Call(code=code, inputs=("x",), outputs=("y",))], ["x"], ["y"]
        )
        off += differing(Case(content=content, x=codes), tmp_path)[0]
    assert off == 0


@pytest.mark.parametrize("name", MODELS)
def test_outputs_of_models(name: str) -> None:
    path = SHARED / "models" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    graph = hwsim.load(path)
    shape = graph.tensors[graph.inputs[0]].shape
    rng = np.random.default_rng(11)
    x = rng.integers(-128, 128, (20, *shape[1:]), np.int8)
    want = tflm.outputs(path.read_bytes(), x)
    got = hwsim.run(graph, x, numerics="tflm")
    assert int((got.reshape(want.shape) != want).sum()) == 0
