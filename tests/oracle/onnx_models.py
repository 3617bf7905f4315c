"""Small networks with what real ones are made of, exported by torch, quantized by ONNX Runtime."""

from __future__ import annotations

import io
import logging
import warnings
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import onnxruntime
import torch
from onnxruntime import quantization
from torch import Tensor, nn
from torch.nn import functional

from hwsim.arrays import Array


class Images(nn.Module):
    """Residual, depthwise and squeezed blocks, a concatenation, pools, and an enlarged image."""

    shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 1),
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(8, 4, 1),
            nn.SiLU(),
            nn.Conv2d(4, 8, 1),
            nn.Hardsigmoid(),
        )
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        x = x + self.block(x)
        x = x * self.gate(x)
        x = torch.cat([x, functional.gelu(x)], 1)
        x = self.up(functional.max_pool2d(x, 3, 2, 1)[:, :8])
        x = functional.interpolate(x, scale_factor=2, mode="bilinear")
        return self.head(functional.hardswish(x).mean((2, 3)))


class Attention(nn.Module):
    """A transformer's block over positions, and a head on the first."""

    shape = (10, 32)

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(1, 10, 32))
        self.block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(self.head(self.block(x + self.positions)[:, 0]), -1)


class Masked(nn.Module):
    """Causal attention as language models write it."""

    shape = (10, 32)

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.inner, self.outer = nn.LayerNorm(32), nn.Linear(32, 96), nn.Linear(32, 32)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.inner(self.norm(x)).view(1, 10, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mask = torch.full((10, 10), float("-inf")).triu(1)
        weights = (parts[0] @ parts[1].transpose(-2, -1) * 8**-0.5 + mask).softmax(-1)
        return x + self.outer((weights @ parts[2]).transpose(1, 2).reshape(1, 10, 32))


class Recurrent(nn.Module):
    """Two bidirectional LSTMs, one on the other."""

    shape = (7, 6)

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(6, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x)[0][:, -1])


class Signals(nn.Module):
    """One-dimensional convolutions, and a flatten before a linear layer."""

    shape = (4, 64)

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(4, 8, 5, stride=2, padding=2), nn.PReLU(8), nn.Conv1d(8, 8, 3, dilation=2),
            nn.ELU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(112, 7), nn.Softplus(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Maps(nn.Module):
    """From image to image: norms of groups, mirrored padding, nearest pixels, a pixel shuffle."""

    shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norms = nn.Sequential(nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True))
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.last = nn.Conv2d(7, 2, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        y = functional.leaky_relu(self.norms(self.down(x)), 0.1)
        y = functional.interpolate(functional.interpolate(y, size=(6, 6)), size=(8, 8))
        y = self.last(torch.cat([x, self.up(y)], 1))
        return functional.pixel_shuffle(torch.cat([y, y], 1), 2)


class Integers(nn.Module):
    """Layers that ONNX Runtime computes in integers throughout."""

    shape = (3, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(), nn.Conv2d(8, 8, 1)
        )
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        x = functional.max_pool2d(torch.cat([self.block(x) + x, x], 1), 2)
        x = functional.avg_pool2d(x * torch.sigmoid(x), 2)
        return self.head(x.flatten(1)).softmax(-1)


FLOAT: Final[tuple[type[nn.Module], ...]] = (
    Attention,
    Images,
    Maps,
    Masked,
    Recurrent,
    Signals,
)


def exported(kind: type[nn.Module], opset: int, *, folding: bool = True) -> bytes:
    """Return the ONNX file of a network with random weights and, in norms, random statistics."""
    torch.manual_seed(opset)  # pyright: ignore[reportUnknownMemberType]
    module = kind().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(_tensor(part.running_mean))
            nn.init.uniform_(_tensor(part.running_var), 0.5, 2.0)
    content = io.BytesIO()
    export = cast("Any", torch.onnx.export)  # pyright: ignore[reportUnknownMemberType]
    with warnings.catch_warnings():
        # Torch announces that another exporter will replace this one, which needs a library more.
        warnings.simplefilter("ignore")
        export(
            module,
            (torch.randn(1, *_shape(kind)),),
            content,
            dynamo=False,
            opset_version=opset,
            do_constant_folding=folding,
            input_names=["x"],
        )
    return content.getvalue()


def _shape(kind: Any) -> tuple[int, ...]:
    return kind.shape


def _tensor(buffer: Any) -> Tensor:
    return buffer


def inputs(kind: type[nn.Module], count: int, seed: int = 0) -> Array:
    """Return normally distributed inputs, one per row."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 1, *_shape(kind))).astype(np.float32)


def outputs(content: bytes, x: Array) -> Array:
    """Return what ONNX Runtime makes of each row of `x`."""
    session: Any = onnxruntime.InferenceSession(content)
    return np.stack([session.run(None, {"x": row})[0] for row in x])


class _Reader(quantization.CalibrationDataReader):
    def __init__(self, x: Array) -> None:
        self._rows = iter(x)

    def get_next(self) -> dict[str, Array] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        row = next(self._rows, None)
        return None if row is None else {"x": row}


def quantized(content: bytes, x: Array, folder: Path, **settings: Any) -> bytes:
    """Return the model with static integer activations, calibrated on `x`."""
    source, target = folder / "real.onnx", folder / "integer.onnx"
    quantize = cast("Any", quantization.quantize_static)  # pyright: ignore[reportUnknownMemberType]
    source.write_bytes(content)
    logging.disable(logging.WARNING)
    try:
        quantize(source, target, _Reader(x), **settings)
    finally:
        logging.disable(logging.NOTSET)
    return target.read_bytes()


def with_integer_weights(content: bytes, folder: Path, **settings: Any) -> bytes:
    """Return the model with integer weights whose inputs are quantized as they arrive."""
    source, target = folder / "real.onnx", folder / "dynamic.onnx"
    quantize = cast("Any", quantization.quantize_dynamic)  # pyright: ignore[reportUnknownMemberType]
    source.write_bytes(content)
    logging.disable(logging.WARNING)
    try:
        quantize(source, target, **settings)
    finally:
        logging.disable(logging.NOTSET)
    return target.read_bytes()
