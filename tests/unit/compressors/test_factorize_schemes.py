"""Schemes of low rank: least errors by scipy and tensorly, the function itself at full rank."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
import scipy.linalg
import tensorly.decomposition
from hypothesis import given
from hypothesis import strategies as st

from compressors.factorization import break_even_rank, cost_of, find_scheme
from compressors.factorization.evbmf import evbmf_rank
from compressors.factorization.ranks import Method, energy_rank
from compressors.factorization.tucker2 import Tucker2
from hwsim.arrays import FloatArray
from hwsim.channels.layers import Layer
from hwsim.ops import Conv2d, Conv2dTranspose, Linear
from hwsim.tensor import TensorType, Weight

METHODS: tuple[Method, ...] = ("svd", "channel_svd", "spatial_svd", "tucker2")


def real(*shape: int, seed: int = 0) -> Weight:
    return Weight(codes=np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def linear(out: int, features: int) -> Linear:
    return Linear(weight=real(out, features), bias=real(out, seed=1), activation="relu")


def conv(out: int, channels: int, kernel: tuple[int, int] = (3, 3), **settings: Any) -> Conv2d:
    weight, bias = real(out, *kernel, channels), real(out, seed=1)
    return Conv2d(weight=weight, bias=bias, activation="relu6", **settings)


def factorized(method: Method, op: Layer, *ranks: int) -> tuple[Layer, ...]:
    scheme = find_scheme(method, op)
    assert scheme is not None
    return scheme.layers(op, scheme.factors(op, ranks))


def run(ops: tuple[Layer, ...], x: FloatArray) -> FloatArray:
    for op in ops:
        (x,) = op.reference(x)
    return x


def tail(matrix: FloatArray, rank: int) -> float:
    """Return what Eckart and Young say is lost: the root of the squares left out."""
    values: FloatArray = cast("Any", scipy.linalg).svdvals(matrix)
    return float(np.sqrt((values[rank:] ** 2).sum()))


@pytest.mark.oracle
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_linear_loses_what_eckart_and_young_say(rank: int) -> None:
    op = linear(7, 5)
    first, last = factorized("svd", op, rank)
    lost = np.linalg.norm(op.weight.real() - last.weight.real() @ first.weight.real())
    # Factors are rounded to float32.
    assert lost == pytest.approx(tail(op.weight.real(), rank), rel=1e-5, abs=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("rank", [1, 4, 9])
def test_spatial_kernels_lose_what_eckart_and_young_say(rank: int) -> None:
    op = conv(6, 4)
    vertical, horizontal = factorized("spatial_svd", op, rank)
    kernel = np.einsum(
        "oxr,ryi->oyxi", horizontal.weight.real()[:, 0], vertical.weight.real()[:, :, 0]
    )
    real = op.weight.real()
    pairs = np.array([real[o, :, x].ravel() for o in range(6) for x in range(3)])
    lost = np.linalg.norm(real - kernel)
    assert lost == pytest.approx(tail(pairs, rank), rel=1e-5, abs=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("rank", [1, 4, 6])
def test_channels_lose_what_eckart_and_young_say(rank: int) -> None:
    op = conv(6, 4)
    reduce, expand = factorized("channel_svd", op, rank)
    kernel = np.einsum("or,ryxi->oyxi", expand.weight.real()[:, 0, 0], reduce.weight.real())
    lost = np.linalg.norm(op.weight.real() - kernel)
    assert lost == pytest.approx(tail(op.weight.real().reshape(6, -1), rank), rel=1e-5, abs=1e-5)


def tucker_kernel(ops: tuple[Layer, ...]) -> FloatArray:
    enter, core, leave = (op.weight.real() for op in ops)
    return np.einsum("ab,bxyc,cd->axyd", leave[:, 0, 0], core, enter[:, 0, 0])


@pytest.mark.oracle
@pytest.mark.parametrize("ranks", [(2, 3), (4, 5), (5, 8)])
def test_tucker_is_as_near_as_tensorly_comes(ranks: tuple[int, int]) -> None:
    op = conv(8, 5)
    found = np.linalg.norm(op.weight.real() - tucker_kernel(factorized("tucker2", op, *ranks)))
    (core, (outer, inner)), _ = cast("Any", tensorly.decomposition).partial_tucker(
        op.weight.real(), rank=[ranks[1], ranks[0]], modes=[0, 3], n_iter_max=100, tol=1e-12
    )
    theirs = np.einsum("ab,bxyc,dc->axyd", outer, core, inner)
    # Both improve the same start; neither finds the least error for certain.
    assert found <= np.linalg.norm(op.weight.real() - theirs) * 1.01 + 1e-5


def test_tucker_sweeps_only_improve() -> None:
    op = conv(8, 6)
    errors = [
        np.linalg.norm(
            op.weight.real() - tucker_kernel(scheme.layers(op, scheme.factors(op, (2, 3))))
        )
        for scheme in map(Tucker2, range(5))
    ]
    assert all(after <= before + 1e-6 for before, after in pairwise(errors))
    assert errors[-1] < errors[0]


LAYERS: tuple[tuple[Callable[[], Layer], tuple[int, ...]], ...] = (
    (lambda: linear(7, 5), (4, 2, 5)),
    (lambda: conv(7, 4), (9, 8, 4)),
    (lambda: conv(5, 6, stride=(2, 1), padding=((1, 2), (0, 1))), (9, 8, 6)),
    (lambda: conv(5, 6, kernel=(3, 2), dilation=(2, 3), padding=((2, 2), (1, 0))), (9, 8, 6)),
    (lambda: conv(5, 6, kernel=(1, 1), stride=(2, 2), padding=((1, 0), (1, 1))), (9, 8, 6)),
    (lambda: conv(5, 6, kernel=(1, 3), stride=(1, 2)), (9, 8, 6)),
    (
        lambda: Conv2dTranspose(
            weight=real(5, 3, 3, 6), bias=real(5), stride=(2, 2), padding=((1, 1), (0, 1))
        ),
        (9, 8, 6),
    ),
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_full_rank_is_the_same_function(
    make: Callable[[], Layer], shape: tuple[int, ...], method: Method
) -> None:
    op = make()
    scheme = find_scheme(method, op)
    if scheme is None:
        is_pointwise = isinstance(op, Linear) or op.kernel == (1, 1)
        assert not is_pointwise
        assert method in ("svd", "spatial_svd")
        return
    full = tuple(min(matrix.shape) for matrix in scheme.unfoldings(op))
    x = np.random.default_rng(2).standard_normal((3, 1, *shape))
    (want,) = op.reference(x)
    # Factors are rounded to float32 (2^-24), and sum up to 54 products.
    np.testing.assert_allclose(run(factorized(method, op, *full), x), want, rtol=0, atol=2e-5)


@pytest.mark.parametrize("method", METHODS[1:])
def test_components_weigh_the_same_on_both_sides(method: Method) -> None:
    ops = factorized(method, conv(8, 6), *((3, 4) if method == "tucker2" else (3,)))
    last_bond = ops[-2].weight.real(), ops[-1].weight.real()
    before = np.linalg.norm(last_bond[0].reshape(len(last_bond[0]), -1), axis=1)
    behind = np.linalg.norm(last_bond[1].reshape(-1, last_bond[1].shape[-1]), axis=0)
    np.testing.assert_allclose(before, behind, rtol=1e-5)


@given(out=st.integers(1, 40), features=st.integers(1, 40))
def test_break_even_of_a_matrix(out: int, features: int) -> None:
    rank = break_even_rank(linear(out, features), TensorType(shape=(1, features)), "svd")
    # The largest r < m n / (m + n), in whole numbers.
    assert rank * (out + features) < out * features or rank == 0
    assert (rank + 1) * (out + features) >= out * features


# Of 2304 weights in all, the last below: 160 r, 96 r and 9 r^2 + 32 r.
KERNELS: tuple[tuple[Method, int, int], ...] = (
    ("channel_svd", 14, 160 * 14),
    ("spatial_svd", 23, 96 * 23),
    ("tucker2", 14, 9 * 14**2 + 32 * 14),
)


@pytest.mark.parametrize(("method", "rank", "want"), KERNELS)
def test_break_even_of_a_kernel(method: Method, rank: int, want: int) -> None:
    op, x = conv(16, 16, padding=((1, 1), (1, 1))), TensorType(shape=(1, 8, 8, 16))
    assert break_even_rank(op, x, method) == rank
    scheme = find_scheme(method, op)
    assert scheme is not None
    cost = cost_of(factorized(method, op, *(rank,) * len(scheme.unfoldings(op))), x)
    assert (cost.parameters, cost.macs) == (want, 64 * want)


def test_strides_count_in_the_break_even_rank() -> None:
    op = conv(16, 16, stride=(2, 2), padding=((1, 1), (1, 1)))
    x = TensorType(shape=(1, 8, 8, 16))
    # k x 1 makes 4 x 8 positions, 1 x k 4 x 4: (48 x 32 + 48 x 16) r <= 2304 x 16.
    assert break_even_rank(op, x, "spatial_svd") == 16


@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    energy=st.floats(0.01, 1.0),
    seed=st.integers(0, 9),
)
def test_energy_is_the_least_rank_that_keeps_it(
    rows: int, columns: int, energy: float, seed: int
) -> None:
    matrix = np.random.default_rng(seed).standard_normal((rows, columns))
    rank = energy_rank(matrix, energy)
    whole = float((matrix**2).sum())
    assert tail(matrix, rank) ** 2 <= (1 - energy) * whole + 1e-9
    assert rank == 1 or tail(matrix, rank - 1) ** 2 > (1 - energy) * whole - 1e-9


@pytest.mark.parametrize("shape", [(40, 40), (30, 90), (90, 30)])
@pytest.mark.parametrize("rank", [2, 7])
def test_bayes_finds_the_rank_below_noise(shape: tuple[int, int], rank: int) -> None:
    rng = np.random.default_rng(rank)
    signal = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    assert evbmf_rank(signal + 0.3 * rng.standard_normal(shape)) == rank
    assert evbmf_rank(signal) == rank


def test_bayes_finds_nothing_in_noise() -> None:
    assert evbmf_rank(np.random.default_rng(0).standard_normal((50, 80))) == 0
    assert evbmf_rank(np.zeros((3, 4))) == 0
