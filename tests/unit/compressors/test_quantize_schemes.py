"""Schemes of weights: level sets from the papers, examples by hand, torch's codes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from compressors import parse
from compressors.quantization.schemes import (
    SCHEME_BITS,
    Apot,
    Asymmetric,
    Binary,
    Granularity,
    PowerOfTwo,
    Scheme,
    SchemeName,
    SchemeSettings,
    Ternary,
    Uniform,
    make_scheme,
)
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import run
from hwsim.formats.find import find_format
from hwsim.graph import Graph
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, mlp, residual, run_integers, samples, weight_of, with_op


def every_scheme() -> dict[str, Scheme]:
    made: dict[str, Scheme] = {}
    for name, (low, high) in SCHEME_BITS.items():
        for bits in range(low, high + 1):
            for granularity in get_args(Granularity):
                settings = SchemeSettings(name=name, bits=bits, granularity=granularity)
                made[f"{name}{bits}-{granularity}"] = make_scheme(settings)
    return made


SCHEMES = every_scheme()
schemes = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
REAL: FloatArray = np.random.default_rng(0).standard_normal((5, 40))


@schemes
def test_codes_are_levels_within_their_encoding(scheme: Scheme) -> None:
    quant = scheme.quant(REAL)
    codes = scheme.codes(REAL, quant)
    assert codes.dtype == quant.dtype
    assert set(codes.reshape(-1).tolist()) <= set(scheme.levels().tolist())
    assert quant.low <= codes.min() <= codes.max() <= quant.high
    assert quant.bits == scheme.bits
    for scale in quant.scale:
        assert np.float32(scale) == scale > 0


@schemes
def test_rows_have_their_own_scales_where_asked(scheme: Scheme) -> None:
    quant = scheme.quant(REAL)
    assert len(quant.scale) == (1 if quant.axis is None else 5)
    if quant.axis == 0:
        row = scheme.quant(REAL[2:3])
        assert row.scale == quant.scale[2:3]
        codes = scheme.codes(REAL, quant)
        np.testing.assert_array_equal(scheme.codes(REAL[2:3], row), codes[2:3])


@schemes
def test_zeros_stay_zero_where_there_is_a_code(scheme: Scheme) -> None:
    real = np.where(np.abs(REAL) > 1, REAL, 0.0)
    quant = scheme.quant(real)
    kept = quant.decode(scheme.codes(real, quant))
    if 0 in scheme.levels():
        assert not kept[real == 0].any()
    else:
        assert isinstance(scheme, Binary)
        assert (kept[real == 0] > 0).all()


@schemes
def test_a_matrix_of_zeros_means_nothing(scheme: Scheme) -> None:
    quant = scheme.quant(np.zeros((2, 3)))
    # Signs have no zero: the smallest normal float32 is as near as they come.
    assert np.abs(quant.decode(scheme.codes(np.zeros((2, 3)), quant))).max() <= 2.0**-126


@given(
    name=st.sampled_from(list(SCHEMES)),
    real=arrays(np.float64, (2, 6), elements=st.floats(-8, 8, width=32)),
)
def test_scaling_by_a_power_of_two_changes_no_code(name: str, real: FloatArray) -> None:
    scheme = SCHEMES[name]
    real = np.where(np.abs(real) < 1e-3, 0.0, real)
    quant, doubled = scheme.quant(real), scheme.quant(4.0 * real)
    np.testing.assert_array_equal(scheme.codes(4.0 * real, doubled), scheme.codes(real, quant))


def errors(real: FloatArray, scheme: Scheme) -> FloatArray:
    quant = scheme.quant(real)
    return ((quant.decode(scheme.codes(real, quant)) - real) ** 2).sum(axis=1)


@pytest.mark.parametrize("name", ["uniform", "power_of_two", "apot"])
@pytest.mark.parametrize("is_power", [False, True])
def test_clipping_by_error_errs_no_more(name: SchemeName, is_power: bool) -> None:
    settings = SchemeSettings(name=name, bits=3, power_of_two_scales=is_power)
    widest, clipped = make_scheme(settings), make_scheme(replace(settings, clip="mse"))
    assert (errors(REAL, clipped) <= errors(REAL, widest)).all()
    assert errors(REAL, clipped).sum() < errors(REAL, widest).sum()


def test_clipping_is_the_best_of_a_hundredth() -> None:
    scheme = Uniform(bits=3, clip="mse", granularity="tensor")
    largest = np.abs(REAL).max()
    best = np.inf
    for percent in range(10, 101):
        step = np.float64(np.float32(largest / 3)) * percent / 100
        off = np.clip(np.rint(REAL / step), -3, 3) * step - REAL
        best = min(best, float((off**2).sum()))
    assert float(errors(REAL, scheme).sum()) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("granularity", get_args(Granularity))
@pytest.mark.parametrize("name", ["uniform", "asymmetric"])
def test_codes_are_those_of_torch(name: SchemeName, granularity: Granularity, bits: int) -> None:
    # Powers of two make torch's float32 quotients exact, ties among them.
    settings = SchemeSettings(
        name=name, bits=bits, granularity=granularity, power_of_two_scales=True
    )
    scheme = make_scheme(settings)
    real = np.random.default_rng(bits).integers(-32, 33, (4, 50)).astype(np.float32) / 16
    quant = scheme.quant(real.astype(np.float64))
    made = quant.decode(scheme.codes(real.astype(np.float64), quant))
    low = quant.low + (name == "uniform")
    x = torch.tensor(real)
    if granularity == "channel":
        zero = torch.tensor(quant.zero_point, dtype=torch.int32)
        want = torch.fake_quantize_per_channel_affine(
            x, torch.tensor(quant.scale), zero, 0, low, quant.high
        )
    else:
        want = torch.fake_quantize_per_tensor_affine(
            x, quant.scale[0], quant.zero_point[0], low, quant.high
        )
    np.testing.assert_array_equal(made, want.numpy())


def test_asymmetric_by_hand() -> None:
    # [-1, 2] in 8 bits: step 3 / 255, zero point -128 + 85 (arXiv 1712.05877, section 2.1).
    scheme, real = Asymmetric(), np.array([[-1.0, 0.0, 2.0, 0.5]])
    quant = scheme.quant(real)
    assert quant.zero_point == (-43,)
    assert quant.scale == (float(np.float32(3 / 255)),)
    # 0.5 is 42.5 steps, of the float32 scale a little less.
    assert scheme.codes(real, quant).tolist() == [[-128, -43, 127, -1]]


def test_one_sided_weights_use_all_codes() -> None:
    real = np.linspace(0.0, 1.0, 256)[None]
    asymmetric, uniform = Asymmetric(), Uniform()
    assert len(np.unique(asymmetric.codes(real, asymmetric.quant(real)))) == 256
    assert len(np.unique(uniform.codes(real, uniform.quant(real)))) == 128


def test_binary_by_hand() -> None:
    scheme, real = Binary(), np.array([[0.5, -1.5, 0.0, 2.0], [-0.25, 0.25, 0.25, -0.25]])
    quant = scheme.quant(real)
    assert quant.scale == (1.0, 0.25)
    assert scheme.codes(real, quant).tolist() == [[1, -1, 1, 1], [-1, 1, 1, -1]]
    assert Binary(granularity="tensor").quant(real).scale == (0.625,)


def test_binary_means_are_the_best_alphas() -> None:
    least = errors(REAL, Binary())
    for factor in (0.9, 0.99, 1.01, 1.1):
        alphas = factor * np.abs(REAL).mean(axis=1, keepdims=True)
        assert (((np.sign(REAL) * alphas - REAL) ** 2).sum(axis=1) > least).all()


def test_ternary_by_hand() -> None:
    # mean |w| = 2.55 / 6, delta = 0.2975; what exceeds it has mean 2.4 / 4.
    scheme, real = Ternary(), np.array([[0.9, -0.1, 0.4, -0.8, 0.05, 0.3]])
    quant = scheme.quant(real)
    assert quant.scale == (float(np.float32(0.6)),)
    assert scheme.codes(real, quant).tolist() == [[1, 0, 1, -1, 0, 1]]


@pytest.mark.parametrize(
    ("bits", "magnitudes"),
    [(2, [0, 1]), (3, [0, 1, 2, 4]), (4, [0, 1, 2, 4, 8, 16, 32, 64])],
)
def test_levels_of_powers_of_two(bits: int, magnitudes: list[int]) -> None:
    levels = PowerOfTwo(index_bits=bits).levels()
    assert levels.tolist() == [-m for m in reversed(magnitudes[1:])] + magnitudes
    assert len(PowerOfTwo(index_bits=5).levels()) == 31


def test_powers_of_two_are_the_nearest() -> None:
    scheme = PowerOfTwo(index_bits=3)
    real = np.array([[4.0, -3.1, -3.0, 2.9, 1.5, 1.4, 0.5, -0.49]])
    # Between 2 and 4 the middle is 3, which goes to the larger.
    assert scheme.codes(real, scheme.quant(real)).tolist() == [[4, -4, -4, 2, 2, 1, 1, 0]]


@pytest.mark.parametrize(
    ("bits", "terms"),
    [
        # Of unsigned numbers of 4 bits, the paper's own example: n = 2 terms of 2 bits.
        (5, [(0, 1, 1 / 4, 1 / 16), (0, 1 / 2, 1 / 8, 1 / 32)]),
        (3, [(0, 1, 1 / 2, 1 / 4)]),
        (4, [(0, 1, 1 / 2, 1 / 8), (0, 1 / 4)]),
        (6, [(0, 1, 1 / 4, 1 / 32), (0, 1 / 2, 1 / 8, 1 / 64), (0, 1 / 16)]),
        (
            7,
            [(0, 1, 2**-3, 2**-6), (0, 2**-1, 2**-4, 2**-7), (0, 2**-2, 2**-5, 2**-8)],
        ),
    ],
)
def test_levels_of_sums_of_powers(bits: int, terms: list[tuple[float, ...]]) -> None:
    sums = sorted({sum(chosen) for chosen in product(*terms)})
    levels = Apot(index_bits=bits).levels()
    positive = levels[levels >= 0]
    assert (positive / positive[1]).tolist() == [value / sums[1] for value in sums]
    np.testing.assert_array_equal(levels, -levels[::-1])
    assert len(levels) == (1 << bits) - 1


def test_sums_of_powers_by_hand() -> None:
    scheme = Apot(index_bits=4)
    real = np.array([[10.0, -9.1, 8.9, 5.0, -4.9, 3.4, 0.6, 0.4]])
    assert scheme.codes(real, scheme.quant(real)).tolist() == [[10, -10, 8, 6, -4, 3, 1, 0]]


def test_sums_of_powers_come_nearer_than_powers() -> None:
    # What the paper is for: bits more than 4 buy plain powers nothing.
    powers = [errors(REAL, PowerOfTwo(index_bits=bits)).sum() for bits in (4, 5)]
    sums = [errors(REAL, Apot(index_bits=bits)).sum() for bits in (4, 5)]
    assert sums[0] < powers[0]
    assert sums[1] < powers[1] / 2


def compressed(graph: Graph, spec: str) -> Graph:
    return parse(spec).apply(graph, Data(x=samples(graph, 16)))


def layer_weights(graph: Graph) -> list[Weight]:
    return [node.op.weight for node in graph.nodes if node.op.weight is not None]


@pytest.mark.parametrize(
    ("spec", "format_name", "bits_per_weight"),
    [
        ("weights=1,scheme=binary", "signs", 1.0),
        ("weights=2,scheme=ternary", "trits", 1.6),
        ("weights=3,scheme=power_of_two", "codebook", 3.0),
        ("weights=4,scheme=power_of_two", "codebook", 4.0),
        ("weights=4,scheme=apot", "codebook", 4.0),
        ("weights=5,scheme=apot", "codebook", 5.0),
        ("weights=4", "dense", 4.0),
        ("weights=12", "dense", 12.0),
        ("weights=4,scheme=asymmetric", "dense", 4.0),
    ],
)
@pytest.mark.parametrize("mode", ["activations=8", "mode=dynamic"])
def test_bytes_are_those_of_the_scheme(
    spec: str, format_name: str, bits_per_weight: float, mode: str
) -> None:
    for weight in layer_weights(compressed(mlp(), f"quantize{{{spec},{mode}}}")):
        assert weight.format == find_format(format_name)
        rows, columns = weight.matrix.shape
        plain = bits_per_weight * rows * columns / 8
        # Rows of signs start on bytes; a table has one entry per level.
        extra = rows if format_name == "signs" else 1 + 2 * 31 if format_name == "codebook" else 3
        assert plain <= weight.storage_bytes <= plain + extra
        np.testing.assert_array_equal(weight.format.unpack(weight.packed), weight.matrix)


@pytest.mark.parametrize("policy", ["tflite-ref", "tflm", "xnnpack"])
@pytest.mark.parametrize(
    "spec",
    [
        "weights=1,scheme=binary",
        "weights=2,scheme=ternary",
        "weights=4,scheme=power_of_two",
        "weights=5,scheme=power_of_two",
        "weights=4,scheme=apot",
        "weights=8,scheme=asymmetric,granularity=tensor",
        "weights=4,scheme=asymmetric",
        "power_of_two_scales=true",
        "activation_scheme=symmetric",
    ],
)
def test_integers_compute_what_their_weights_mean(spec: str, policy: str) -> None:
    graph = mlp()
    x = samples(graph, 16)
    integers = compressed(graph, f"quantize{{{spec}}}")
    decoded = compressed(graph, f"quantize{{{spec},activations=32}}")
    got, quant = run(integers, x, policy), integers.tensors[integers.outputs[0]].quant
    assert quant is not None
    want = run(decoded, x).reshape(got.shape)
    # The range was observed on the float network: what lies beyond is clipped.
    ends = quant.decode(np.array([quant.low, quant.high]))
    off = np.abs(quant.decode(got) - np.clip(want, *ends)) / (ends[1] - ends[0])
    assert off.mean() < 0.02


def test_powers_of_two_are_all_scales() -> None:
    graph = compressed(residual(), "quantize{power_of_two_scales=true,clip=mse,observer=mse}")
    quants = [type_.quant for type_ in graph.tensors.values()]
    quants += [weight.quant for weight in layer_weights(graph)]
    for quant in quants:
        assert quant is not None
        assert {float(np.frexp(scale)[0]) for scale in quant.scale} == {0.5}


def test_powers_of_two_hold_biases_too() -> None:
    b = GraphBuilder("one", 1, 2)
    graph = with_op(b.done(b.linear("fc", "x", 2)), "fc", weight=weight_of([[1e-9, 0], [0.3, 1]]))
    graph = with_op(graph, "fc", bias=weight_of([3.0, -0.25]))
    made = compressed(graph, "quantize{power_of_two_scales=true}")
    (weight,) = layer_weights(made)
    assert weight.quant is not None
    assert {float(np.frexp(scale)[0]) for scale in weight.quant.scale} == {0.5}
    bias = made.nodes[0].op.constants[1]
    np.testing.assert_allclose(bias.real(), [3.0, -0.25], rtol=1e-6)


def test_pruned_weights_cannot_become_signs() -> None:
    graph = residual()
    with pytest.raises(RecipeError, match=r"^residual/stem: quantize: scheme binary has no code"):
        compressed(graph, "prune{sparsity=0.5}|quantize{weights=1,scheme=binary}")
    pruned = compressed(graph, "prune{sparsity=0.5}|quantize{weights=2,scheme=ternary}")
    for weight in layer_weights(pruned):
        assert weight.format.name == "bitmask"
        assert weight.nonzero.mean() <= 0.51


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("scheme=binary", "scheme=binary takes weights=1, got 8"),
        ("weights=1", "scheme=uniform takes weights=2..16, got 1; binary takes 1"),
        ("weights=6,scheme=power_of_two", "scheme=power_of_two takes weights=2..5, got 6"),
        ("weights=2,scheme=apot", "scheme=apot takes weights=3..8, got 2"),
        ("weights=2,scheme=ternary,clip=mse", "clip=mse applies to schemes uniform"),
        ("weights=4,scheme=apot,rounding=floor", "rounding applies to schemes of equal steps"),
        ("scheme=asymmetric,group=4", "group applies to scheme=uniform, got asymmetric"),
        ("group=4,scale_bits=16,power_of_two_scales=true", "takes scale_bits=32, got 16"),
    ],
)
def test_what_does_not_fit_is_refused(spec: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        parse(f"quantize{{{spec}}}")
    assert "\n" not in str(caught.value)


def test_stochastic_rounding_repeats_and_follows_its_seed() -> None:
    graph = mlp()
    made = [
        compressed(graph, f"quantize{{weights=4,rounding=stochastic,seed={seed}}}")
        for seed in (0, 0, 1)
    ]
    codes = [np.concatenate([w.codes.reshape(-1) for w in layer_weights(g)]) for g in made]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert (codes[0] != codes[2]).any()
    run_integers(made[0], samples(graph, 2))
