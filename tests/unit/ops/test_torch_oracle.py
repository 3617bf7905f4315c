"""Float meanings beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsim.arrays import FloatArray
from hwsim.ops import (
    AveragePool2d,
    BatchNorm,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    LayerNorm,
    Linear,
    MatMul,
    MaxPool2d,
    ResizeBilinear,
    ResizeNearest,
    Softmax,
    elementary,
)
from hwsim.tensor import Weight
from tests.cases import float_weight

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
RNG = np.random.default_rng(0)


def first(images: FloatArray) -> Any:
    """Return stacked images [n, 1, h, w, c] as a tensor [n, c, h, w]."""
    return torch.from_numpy(images[:, 0].transpose(0, 3, 1, 2).copy())


def same(ours: FloatArray, theirs: Any) -> None:
    # Both compute in float64: sums of 10^2 terms of size 1 in another order.
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-11, atol=1e-11)


def same_image(ours: FloatArray, theirs: Any) -> None:
    same(ours[:, 0].transpose(0, 3, 1, 2), theirs)


def wide(weight: Weight) -> Any:
    return torch.from_numpy(weight.real())


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((5, 3, 3, 6), {}),
        ((5, 3, 2, 6), {"stride": (2, 1), "padding": (1, 2)}),
        ((5, 2, 3, 6), {"dilation": (3, 2), "padding": (2, 1)}),
        ((4, 3, 3, 3), {"groups": 2, "padding": (1, 1)}),
        ((6, 3, 3, 1), {"groups": 6, "stride": (2, 2), "padding": (1, 1)}),
        ((12, 3, 2, 1), {"groups": 6, "dilation": (2, 2)}),
        ((5, 1, 1, 6), {"stride": (3, 2)}),
    ],
    ids=str,
)
def test_conv2d(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    weight, bias = float_weight(*shape), float_weight(shape[0], seed=1)
    vertical, horizontal = settings.get("padding", (0, 0))
    padding: Any = ((vertical, vertical), (horizontal, horizontal))
    x = RNG.standard_normal((3, 1, 8, 9, 6))
    theirs = torch.nn.functional.conv2d(
        first(x), wide(weight).permute(0, 3, 1, 2), wide(bias), **settings
    )
    same_image(
        Conv2d(weight=weight, bias=bias, **(settings | {"padding": padding})).reference(x)[0],
        theirs,
    )


@pytest.mark.parametrize("kernel", [(2, 2), (3, 2), (3, 3)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("pad", [0, 1])
def test_pools(kernel: tuple[int, int], stride: tuple[int, int], pad: int) -> None:
    x = RNG.standard_normal((3, 1, 7, 8, 2))
    settings: Any = {"kernel": kernel, "stride": stride, "padding": ((pad, pad), (pad, pad))}
    largest = torch.nn.functional.max_pool2d(first(x), kernel, stride, pad)
    same_image(MaxPool2d(**settings).reference(x)[0], largest)
    for count_padding in (True, False):
        mean = torch.nn.functional.avg_pool2d(
            first(x), kernel, stride, pad, count_include_pad=count_padding
        )
        same_image(AveragePool2d(count_padding=count_padding, **settings).reference(x)[0], mean)


@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_softmax(beta: float) -> None:
    x = 30 * RNG.standard_normal((4, 2, 7))
    same(Softmax(beta=beta).reference(x)[0], torch.softmax(beta * torch.from_numpy(x), dim=-1))


def _gelu_tanh(x: Any) -> Any:
    return torch.nn.functional.gelu(x, approximate="tanh")


def _unit_clamp(x: Any) -> Any:
    return torch.clamp(x, 0.0, 1.0)


FUNCTIONS: dict[str, Any] = {
    "abs": torch.abs,
    "ceil": torch.ceil,
    "elu": torch.nn.functional.elu,
    "erf": torch.erf,
    "exp": torch.exp,
    "floor": torch.floor,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": torch.nn.functional.hardsigmoid,
    "hard_swish": torch.nn.functional.hardswish,
    "log": torch.log,
    "logistic": torch.sigmoid,
    "neg": torch.neg,
    "relu": torch.relu,
    "relu6": torch.nn.functional.relu6,
    "relu_0_to_1": _unit_clamp,
    "relu_n1_to_1": torch.nn.functional.hardtanh,
    "round": torch.round,
    "rsqrt": torch.rsqrt,
    "silu": torch.nn.functional.silu,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_elementary_functions(function: Any) -> None:
    x = np.concatenate([np.linspace(-10, 10, 2001), [-800.0, 800.0, 3.0, -3.0, 0.0]])[None]
    same(Elementary(function=function).reference(x)[0], FUNCTIONS[function](torch.from_numpy(x)))


def test_every_function_has_an_oracle() -> None:
    assert set(FUNCTIONS) == set(elementary.FUNCTIONS)


def test_layer_norm() -> None:
    gamma, beta = float_weight(6), float_weight(6, seed=1)
    x = RNG.standard_normal((3, 1, 4, 6))
    theirs = torch.nn.functional.layer_norm(
        torch.from_numpy(x), (6,), wide(gamma), wide(beta), eps=1e-3
    )
    same(LayerNorm(gamma=gamma, beta=beta, epsilon=1e-3).reference(x)[0], theirs)


def test_batch_norm() -> None:
    gamma, beta, mean = (float_weight(6, seed=seed) for seed in range(3))
    variance = float_weight(6, low=0.5)
    x = RNG.standard_normal((3, 1, 4, 5, 6))
    theirs = torch.nn.functional.batch_norm(
        first(x), wide(mean), wide(variance), wide(gamma), wide(beta), eps=1e-3
    )
    op = BatchNorm(gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=1e-3)
    same_image(op.reference(x)[0], theirs)


def test_products() -> None:
    weight, bias = float_weight(5, 6), float_weight(5, seed=1)
    x = RNG.standard_normal((3, 2, 6))
    theirs = torch.nn.functional.linear(torch.from_numpy(x), wide(weight), wide(bias))
    same(Linear(weight=weight, bias=bias).reference(x)[0], theirs)
    a, b = RNG.standard_normal((3, 2, 4, 5)), RNG.standard_normal((3, 2, 6, 5))
    product = torch.from_numpy(a) @ torch.from_numpy(b).transpose(-1, -2)
    same(MatMul(transpose_b=True, scale=0.5).reference(a, b)[0], 0.5 * product)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((5, 3, 2, 4), {"stride": (2, 1), "padding": ((1, 1), (0, 0))}),
        ((4, 2, 3, 2), {"groups": 2, "stride": (3, 2), "extra": (2, 1), "dilation": (1, 2)}),
        ((6, 3, 3, 1), {"groups": 3, "dilation": (2, 2), "padding": ((2, 2), (1, 1))}),
    ],
)
def test_transposed_convolution(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    groups = settings.get("groups", 1)
    out = shape[0] - shape[0] % groups
    weight, bias = float_weight(out, *shape[1:]), float_weight(out, seed=1)
    op = Conv2dTranspose(weight=weight, bias=bias, **settings)
    x = RNG.standard_normal((3, 1, 4, 5, shape[3] * groups))
    parts = wide(weight).reshape(groups, -1, *shape[1:]).permute(0, 4, 1, 2, 3).flatten(0, 1)
    theirs = torch.nn.functional.conv_transpose2d(
        first(x),
        parts,
        wide(bias),
        stride=settings.get("stride", (1, 1)),
        padding=tuple(before for before, _ in settings.get("padding", ((0, 0), (0, 0)))),
        output_padding=settings.get("extra", (0, 0)),
        groups=groups,
        dilation=settings.get("dilation", (1, 1)),
    )
    same(op.reference(x)[0][:, 0].transpose(0, 3, 1, 2), theirs)


@pytest.mark.parametrize("size", [(10, 12), (3, 4), (9, 1), (5, 6)])
@pytest.mark.parametrize("align_corners", [False, True])
def test_bilinear_resize(size: tuple[int, int], align_corners: bool) -> None:
    x = RNG.standard_normal((3, 1, 5, 6, 4))
    op = ResizeBilinear(size=size, positions="align_corners" if align_corners else "half_pixel")
    theirs = torch.nn.functional.interpolate(
        first(x), size, mode="bilinear", align_corners=align_corners
    )
    same(op.reference(x)[0][:, 0].transpose(0, 3, 1, 2), theirs)


@pytest.mark.parametrize("size", [(10, 12), (3, 4), (9, 1), (7, 11)])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_resize(size: tuple[int, int], mode: str) -> None:
    x = RNG.standard_normal((3, 1, 5, 6, 4))
    op = ResizeNearest(size=size, positions="asymmetric" if mode == "nearest" else "half_pixel")
    theirs = torch.nn.functional.interpolate(first(x), size, mode=mode)
    same(op.reference(x)[0][:, 0].transpose(0, 3, 1, 2), theirs)
