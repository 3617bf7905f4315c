"""ResNet-50 with fewer channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.evidence.synthetic_draft import Draft, constant
from hwsim.ops import Add, AveragePool2d, Conv2d, MaxPool2d, Reshape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.graph import Graph
    from hwsim.ops._activation import Fused

# He et al., arXiv 1512.03385, table 1: blocks, width of a bottleneck, stride of the first block.
# The stride lies in the 3 x 3 convolution, as in torchvision.
_STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
_EXPANSION = 4
_CLASSES = 1000


def resnet50(name: str, p: Mapping[str, int]) -> Graph:
    """Return ResNet-50 that keeps `percent` of each layer's outputs, classes too.

    Numbers of channels are rounded down, but not to 0. Torch-Pruning's latency benchmark prunes
    so: the MACs and parameters that it prints are these.
    """

    def kept(channels: int) -> int:
        return max(1, channels * p["percent"] // 100)

    draft = Draft(name)
    x = draft.input((p["batch"], p["size"], p["size"], 3))
    x = _conv(draft, x, kept(64), 7, 2)
    x = draft.add(MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1))), x)
    for blocks, width, stride in _STAGES:
        for block in range(blocks):
            step = stride if block == 0 else 1
            out = kept(width * _EXPANSION)
            inner = _conv(draft, _conv(draft, x, kept(width), 1), kept(width), 3, step)
            shortcut = x if block else _conv(draft, x, out, 1, step, "none")
            sum_ = Add(activation="relu")
            x = draft.add(sum_, _conv(draft, inner, out, 1, 1, "none"), shortcut)
    batch, height, width, channels = draft.tensors[x].shape
    x = draft.add(AveragePool2d(kernel=(height, width), stride=(1, 1)), x)
    x = draft.add(Reshape(shape=(batch, channels)), x)
    return draft.graph(draft.linear(x, kept(_CLASSES)))


def _conv(
    draft: Draft, x: str, out: int, kernel: int, stride: int = 1, activation: Fused = "relu"
) -> str:
    """Return a convolution with its batch norm folded in and half a kernel of padding."""
    weight = constant((out, kernel, kernel, draft.tensors[x].shape[-1]))
    side = (kernel // 2, kernel // 2)
    op = Conv2d(weight=weight, stride=(stride, stride), padding=(side, side), activation=activation)
    return draft.add(op, x)
