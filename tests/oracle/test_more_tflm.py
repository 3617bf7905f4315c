"""hwsim's integers are TensorFlow Lite Micro's in the ops beyond `single_ops` too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import hwsim
from tests.oracle import light_ops, more_ops, move_ops, tflm
from tests.oracle.single_ops import Case, Draw

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

CASES: Final = light_ops.CASES + more_ops.CASES + move_ops.CASES
SEEDS: Final = 6
# What TensorFlow Lite Micro has no kernel for, or none of 8 bits.
LACKING: Final = ("exp", "log", "relu_0_to_1", "relu_n1_to_1", "sqrt", "tile")
MADE: Final = tuple(make for make in CASES if make.__name__ not in LACKING)


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_one_op_alone(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    path, off, compared = tmp_path / "case.tflite", 0, 0
    for seed in range(SEEDS):
        case = make(Draw(seed))
        try:
            want = tflm.outputs(case.content, case.x)
        except tflm.LackingError:
            continue  # Masks of STRIDED_SLICE that it does not take.
        path.write_bytes(case.content)
        got = hwsim.run(hwsim.load(path), case.x, numerics="tflm").reshape(want.shape)
        off += int((got != want).sum())
        compared += want.size
    assert off == 0
    assert compared > 100


@pytest.mark.parametrize("name", LACKING)
def test_what_is_lacking_is_lacking_still(name: str) -> None:
    case = {make.__name__: make for make in CASES}[name](Draw(0))
    with pytest.raises(tflm.LackingError):
        tflm.outputs(case.content, case.x)
