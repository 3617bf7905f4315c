"""The layers to measure: drawn from what users meet, and parted by shape before anyone measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

TYPES: Final = ("8x8", "f32")
"""Activation x weight bits of the layers, as profiles spell them."""

DENSE: Final = "dense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a square image, or of a vector where its size is 1.

    Attributes:
        kind: One of `hwsim.op.WORK_KINDS`.
        types: One of `TYPES`.
        size: Height and width of the input.
        channels: Of the input.
        out: Output channels.
        kernel: Height and width of the window.
        stride: Vertical and horizontal.
        format: How its weights are stored.
        sparsity: Share of weights that are zero, 0..1.
    """

    kind: str
    types: str
    size: int
    channels: int
    out: int
    kernel: int = 1
    stride: int = 1
    format: str = DENSE
    sparsity: float = 0.0

    @property
    def name(self) -> str:
        """What it is called in tables: `conv2d 3x3/2 28x28x64 -> 128 8x8`, `... csr 0.9`."""
        image = f"{self.size}x{self.size}x{self.channels}"
        window = f" {self.kernel}x{self.kernel}/{self.stride}" if self.kernel > 1 else ""
        to = f" -> {self.out}" if self.out != self.channels else ""
        stored = "" if self.format == DENSE else f" {self.format} {self.sparsity:g}"
        return f"{self.kind}{window} {image}{to} {self.types}{stored}"

    @property
    def outputs(self) -> int:
        """Elements written, where the layer is padded so that a stride of 1 keeps the size."""
        return (-(-self.size // self.stride)) ** 2 * self.out

    @property
    def macs(self) -> int:
        """Multiply-accumulates, were it a convolution or linear."""
        depth = 1 if self.kind == "depthwise_conv2d" else self.channels
        return self.outputs * self.kernel**2 * depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        training: Constants are fitted on these.
        held_out: Judged on these; no shape is in both, whatever its types.
        ladders: Shapes that are neither, dense and ever sparser: where do they cross?
    """

    training: tuple[Layer, ...]
    held_out: tuple[Layer, ...]
    ladders: tuple[Layer, ...] = ()


Draw: TypeAlias = Callable[[np.random.Generator], Layer]

# A layer of fewer multiply-accumulates is all dispatch; of more, it takes too much of the time.
_LEAST_MACS, _MOST_MACS = 20_000, 250_000_000
_MOST_ELEMENTS = 900_000
_MOST_WEIGHTS = 2_400_000
_LARGEST_GLOBAL, _LARGEST_WINDOW = 16, 3
_SIZES: Final = (7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112)


def make_plan(seed: int, share: float = 1.0, types: Sequence[str] = TYPES) -> Plan:
    """Return the layers to measure.

    Args:
        seed: The same gives the same plan.
        share: Of the whole plan, > 0; at least one layer of each kind is trained and held out.
        types: Of `TYPES`.
    """
    rng = np.random.default_rng(seed)
    training: list[Layer] = []
    held_out: list[Layer] = []
    for draw, trained, judged in _DRAWS:
        counts = [max(1, round(share * count)) for count in (trained, judged)]
        shapes = _distinct(draw, sum(counts), rng)
        training += shapes[: counts[0]]
        held_out += shapes[counts[0] :]
    return Plan(training=_in_all(types, training), held_out=_in_all(types, held_out))


def _in_all(types: Sequence[str], shapes: list[Layer]) -> tuple[Layer, ...]:
    return tuple(replace(shape, types=own) for shape in shapes for own in types)


def _distinct(draw: Draw, count: int, rng: np.random.Generator) -> list[Layer]:
    found: dict[Layer, None] = {}
    while len(found) < count:
        layer = draw(rng)
        if is_fit(layer):
            found[layer] = None
    return list(found)


def is_fit(layer: Layer) -> bool:
    """Return whether a layer is neither all dispatch nor takes too much of the time."""
    elements = max(layer.size**2 * layer.channels, layer.outputs)
    weights = layer.kernel**2 * layer.channels * layer.out
    is_heavy = layer.kind in ("conv2d", "pointwise_conv2d", "depthwise_conv2d", "linear")
    return elements <= _MOST_ELEMENTS and (
        not is_heavy
        or (_LEAST_MACS <= layer.macs <= _MOST_MACS and (
            weights <= _MOST_WEIGHTS or layer.kind == "depthwise_conv2d"
        ))
    )  # fmt: skip


def _channels(rng: np.random.Generator, low: int = 8, high: int = 512) -> int:
    """Return channels, uniform in the logarithm; most layers have a multiple of eight."""
    drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
    return round(drawn) if rng.random() < 0.2 else max(8, 8 * round(drawn / 8))


def _whole_vectors(channels: int, rng: np.random.Generator) -> int:
    """Return channels, more often than not rounded to what runtimes have other kernels for."""
    return max(16, 16 * round(channels / 16)) if rng.random() < 0.4 else channels


def _size(rng: np.random.Generator) -> int:
    return int(rng.choice(_SIZES))


def draw_conv(rng: np.random.Generator) -> Layer:
    """Return a layer, its types left open."""
    # Every seventh is a first layer.
    channels = int(rng.choice((1, 3))) if rng.random() < 1 / 7 else _channels(rng)
    return Layer(
        kind="conv2d", types="", size=_size(rng), channels=channels, out=_channels(rng),
        kernel=int(rng.choice((3, 3, 3, 5))), stride=int(rng.choice((1, 1, 2))),
    )  # fmt: skip


def draw_pointwise(rng: np.random.Generator) -> Layer:
    """Return a layer, its types left open."""
    return Layer(
        kind="pointwise_conv2d", types="", size=_size(rng), channels=_channels(rng),
        out=_channels(rng), stride=1 if rng.random() < 0.9 else 2,
    )  # fmt: skip


def _depthwise(rng: np.random.Generator) -> Layer:
    channels = _whole_vectors(_channels(rng), rng)
    return Layer(
        kind="depthwise_conv2d", types="", size=_size(rng), channels=channels, out=channels,
        kernel=int(rng.choice((3, 3, 5))), stride=int(rng.choice((1, 1, 2))),
    )  # fmt: skip


def draw_linear(rng: np.random.Generator) -> Layer:
    """Return a layer, its types left open."""
    return Layer(
        kind="linear", types="", size=1, channels=_channels(rng, 16, 2048),
        out=_channels(rng, 8, 1024),
    )  # fmt: skip


def _pooling(kind: str) -> Draw:
    def draw(rng: np.random.Generator) -> Layer:
        channels, size = _whole_vectors(_channels(rng), rng), _size(rng)
        # Every third averages over the whole image.
        is_global = kind == "average_pool2d" and size <= _LARGEST_GLOBAL
        kernel = int(rng.choice((2, 3, size) if is_global else (2, 3)))
        return Layer(
            kind=kind, types="", size=size, channels=channels, out=channels, kernel=kernel,
            stride=min(size, max(2, kernel)) if kernel > _LARGEST_WINDOW else 2,
        )  # fmt: skip

    return draw


def _elementwise(kind: str) -> Draw:
    def draw(rng: np.random.Generator) -> Layer:
        channels = _channels(rng)
        return Layer(kind=kind, types="", size=_size(rng), channels=channels, out=channels)

    return draw


def _softmax(rng: np.random.Generator) -> Layer:
    channels = _channels(rng, 8, 1024)
    size = int(rng.choice((1, 1, 4, 8, 14)))
    return Layer(kind="softmax", types="", size=size, channels=channels, out=channels)


_DRAWS: Final[tuple[tuple[Draw, int, int], ...]] = (
    (draw_conv, 70, 24),
    (draw_pointwise, 60, 20),
    (_depthwise, 60, 20),
    (draw_linear, 24, 10),
    (_softmax, 12, 4),
    (_pooling("average_pool2d"), 30, 8),
    (_pooling("max_pool2d"), 24, 6),
    *(
        (_elementwise(kind), 9, 3)
        for kind in ("add", "concat", "hard_swish", "logistic", "mean", "mul", "relu", "tanh")
    ),
)
"""How a kind is drawn, how many shapes are trained on, how many held out; a kind is an entry."""
