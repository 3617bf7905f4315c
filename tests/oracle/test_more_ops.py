"""hwsim's integers are LiteRT's in the ops of `light_ops`, `more_ops` and `move_ops` too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from tests.oracle import light_ops, litert, more_ops, move_ops
from tests.oracle.more_ops import log_softmax, reduced_images
from tests.oracle.single_ops import Case, Draw

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

CASES: Final = light_ops.CASES + more_ops.CASES + move_ops.CASES
POLICIES: Final = tuple(litert.RESOLVERS)
# Every second case has scales that are powers of two, and so exact ties.
SEEDS: Final = 12
# What LiteRT has no kernel for, or one that is not told here: by op, then signedness and policy.
_UNSIGNED: Final = {("uint8", policy) for policy in POLICIES}
LACKING: Final = {
    **dict.fromkeys(("abs_", "batch_matmul", "batch_matmul_self", "exp"), _UNSIGNED),
    **dict.fromkeys(("log", "rsqrt", "sqrt", "squared_difference"), _UNSIGNED),
    "conv_transpose": {("uint8", "tflite-ruy")},
    "elu": {("int8", "tflite-ref"), *_UNSIGNED},
    # LiteRT 2.3.0's reference kernel makes one constant of all int8 sums.
    "sum_": {("int8", "tflite-ref")},
}


def differing(case: Case, policy: str, folder: Path) -> tuple[int, int]:
    """Return how many values differ, and of how many."""
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    want = litert.outputs(case.content, case.x, policy)
    got = hwsim.run(hwsim.load(path), case.x, numerics=policy).reshape(want.shape)
    return int((got != want).sum()), want.size


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_op_alone(
    make: Callable[[Draw], Case], dtype: str, policy: str, tmp_path: Path
) -> None:
    if (dtype, policy) in LACKING.get(make.__name__, ()):
        pytest.skip(f"{policy}: no {dtype} {make.__name__} to compare with")
    off = {
        seed: differing(make(Draw(seed, is_unsigned=dtype == "uint8")), policy, tmp_path)
        for seed in range(SEEDS)
    }
    assert {seed: bad for seed, (bad, _) in off.items() if bad} == {}
    assert sum(values for _, values in off.values()) > 500


@pytest.mark.parametrize("policy", POLICIES)
def test_means_of_images_where_the_kernels_differ(policy: str, tmp_path: Path) -> None:
    """LiteRT's optimized kernel rounds the zero point apart, in steps of the result."""
    cases = [reduced_images(Draw(seed)) for seed in range(40)]
    assert [differing(case, policy, tmp_path)[0] for case in cases] == [0] * len(cases)


@pytest.mark.parametrize("policy", POLICIES)
def test_log_softmax_where_the_kernels_differ(policy: str, tmp_path: Path) -> None:
    """The two kernels differ in one value of thousands, so this takes many; some must differ."""
    cases = [log_softmax(Draw(seed), samples=1000) for seed in range(6)]
    assert [differing(case, policy, tmp_path)[0] for case in cases] == [0] * len(cases)
    ours, theirs = (
        [litert.outputs(case.content, case.x, name) for case in cases]
        for name in ("tflite-ref", "xnnpack")
    )
    assert any((a != b).any() for a, b in zip(ours, theirs, strict=True))


def test_the_policies_are_not_one() -> None:
    """Were XNNPACK's kernels not used, the comparisons above would show less than they say."""
    by_name = {make.__name__: make for make in CASES}
    for name in ("conv_transpose", "leaky_relu", "mean", "resize_bilinear", "sub"):
        off = 0
        for seed in range(SEEDS):
            case = by_name[name](Draw(seed))
            ours, theirs = (
                litert.outputs(case.content, case.x, policy) for policy in ("tflite-ref", "xnnpack")
            )
            off += int(np.count_nonzero(ours != theirs))
        assert off > 0, name
