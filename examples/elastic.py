"""A family of small convolutional networks for 8 x 8 digits, for searches that train each one.

hwsim search examples.elastic:net --space examples/spaces/digits_widths.yaml --device DEVICE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = 10


def net(width: int = 8, depth: int = 2, kernel: int = 3) -> tuple[nn.Module, tuple[Tensor]]:
    """Return (network with random weights, example inputs).

    Args:
        width: Channels of the first layer; each further one has twice as many.
        depth: Convolutions, 1..4; each but the first halves the image.
        kernel: Height and width of filters.
    """
    layers: list[nn.Module] = []
    channels = 1
    for i in range(depth):
        out = width << i
        stride = 1 if i == 0 else 2
        conv = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False)
        layers += [conv, nn.BatchNorm2d(out), nn.ReLU()]
        channels = out
    extent = 8 >> (depth - 1)
    layers += [nn.AvgPool2d(extent), nn.Flatten(), nn.Linear(channels, CLASSES)]
    return nn.Sequential(*layers).eval(), (torch.zeros(1, 1, 8, 8),)
