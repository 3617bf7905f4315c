"""ResNet-18 for images of 224 x 224, with random weights: for what it costs, not how right it is.

    hwsim explain examples.resnet18:resnet18 --recipe ... --device ...

He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385, table 1.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def conv(channels: int, out: int, kernel: int, stride: int) -> nn.Sequential:
    """Return a convolution that keeps the size at stride 1, and its batch norm."""
    layer = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out))


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, [n, channels, h, w] to [n, out, h', w']."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        """Make a block; where it changes the shape, the shortcut is a 1 x 1 convolution."""
        super().__init__()
        self.first = conv(channels, out, 3, stride)
        self.second = conv(out, out, 3, 1)
        is_same = stride == 1 and channels == out
        self.shortcut = nn.Identity() if is_same else conv(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(second(relu(first(x))) + shortcut(x))."""
        y = self.second(torch.relu(self.first(x)))
        return torch.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """Images [n, 3, 224, 224] to scores [n, 1000]."""

    def __init__(self) -> None:
        """Make eight blocks of 64 to 512 channels."""
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
        self.blocks = nn.Sequential(
            *(
                Block(channels, out, 1 if channels == out else 2)
                for channels, out in pairwise(widths)
            )
        )
        self.pool = nn.AvgPool2d(7)
        self.classify = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        pooled = self.pool(self.blocks(self.stem(x)))
        return self.classify(torch.flatten(pooled, 1))


def resnet18(seed: int = 0) -> tuple[nn.Module, tuple[Tensor]]:
    """Return the network and an example input, as `hwsim.load` takes them."""
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
    return ResNet18().eval(), (torch.zeros(1, 3, 224, 224),)
