"""ResNet-18 and MobileNetV2 at 224 x 224 with random weights: for how fast, not how right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressors import parse
from hwsim.data import Data
from hwsim.ops import Add, AveragePool2d, MaxPool2d
from tests.graphs import GraphBuilder

if TYPE_CHECKING:
    from hwsim.graph import Graph

_IMAGE = (1, 224, 224, 3)
_CLASSES = 1000


def _conv(
    b: GraphBuilder, name: str, x: str, out: int, kernel: int, stride: int = 1, **settings: Any
) -> str:
    before = kernel // 2
    padding = ((before, before), (before, before))
    return b.conv(name, x, out, kernel, stride=(stride, stride), padding=padding, **settings)


def _head(b: GraphBuilder, x: str) -> Graph:
    extent = b.tensors[x].shape[1]
    pooled = b.add("pool", AveragePool2d(kernel=(extent, extent), stride=(1, 1)), x)
    return b.done(b.linear("fc", b.flat("flat", pooled), _CLASSES))


def resnet18() -> Graph:
    """He et al., arXiv 1512.03385, table 1; batch norms are folded already."""
    b = GraphBuilder("resnet18", *_IMAGE)
    x = _conv(b, "stem", "x", 64, 7, 2, activation="relu")
    x = b.add("max", MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1))), x)
    for i, width in enumerate((64, 64, 128, 128, 256, 256, 512, 512)):
        stride = 2 if width != b.tensors[x].shape[3] else 1
        y = _conv(b, f"b{i}_1", x, width, 3, stride, activation="relu")
        y = _conv(b, f"b{i}_2", y, width, 3)
        if stride > 1:
            x = _conv(b, f"b{i}_s", x, width, 1, stride)
        x = b.add(f"b{i}", Add(activation="relu"), y, x)
    return _head(b, x)


# Expansion, channels, blocks, stride of the first.
_BOTTLENECKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2() -> Graph:
    """Sandler et al., arXiv 1801.04381, table 2; batch norms are folded already."""
    b = GraphBuilder("mobilenet_v2", *_IMAGE)
    x = _conv(b, "stem", "x", 32, 3, 2, activation="relu6")
    for group, (expansion, width, blocks, first) in enumerate(_BOTTLENECKS):
        for i in range(blocks):
            name, stride = f"g{group}_{i}", first if i == 0 else 1
            inner = expansion * b.tensors[x].shape[3]
            y = x
            if expansion > 1:
                y = _conv(b, f"{name}_up", y, inner, 1, activation="relu6")
            y = _conv(b, f"{name}_dw", y, inner, 3, stride, groups=inner, activation="relu6")
            y = _conv(b, f"{name}_down", y, width, 1)
            x = b.add(name, Add(), y, x) if b.tensors[y].shape == b.tensors[x].shape else y
    return _head(b, _conv(b, "last", x, 1280, 1, activation="relu6"))


def quantized(graph: Graph) -> Graph:
    """Return `graph` in int8, one weight scale per channel."""
    x = np.random.default_rng(0).standard_normal((1, *_IMAGE[1:])).astype(np.float32)
    return parse("quantize").apply(graph, Data(x=x))
