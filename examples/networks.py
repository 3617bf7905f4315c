"""An MLP and a small vision transformer for the handwritten digits of `examples/digits.py`.

hwsim evaluate examples.networks:mlp --device DEVICE
python examples/networks.py --output FOLDER
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

# Run as a script, this file's folder is on the path; imported, the project is.
if TYPE_CHECKING or __package__:
    from examples import digits
else:
    import digits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

# Passes over the data that bring each network to where it stops improving.
MLP_EPOCHS = 40
TRANSFORMER_EPOCHS = 60


class Mlp(nn.Module):
    """Logits [n, 10] of images [n, 1, 8, 8]: 64-300-100-10, LeNet-300-100 for small images."""

    def __init__(self) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.fc1 = nn.Linear(64, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, digits.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10]."""
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))


class Encoder(nn.Module):
    """One pre-norm transformer layer: attention and a feed-forward network, each with a skip."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        """Make a layer of `heads` heads for tokens of `width` values."""
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, tokens, width]."""
        y = self.norm1(x)
        parts = (self.query(y), self.key(y), self.value(y))
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        mixed = torch.softmax(scores, dim=-1) @ value
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Logits [n, 10] of images [n, 1, 8, 8]: 16 tokens, two layers of four heads."""

    def __init__(self, width: int = 32) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.embed = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.place = nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.layers = nn.Sequential(*(Encoder(width, heads=4, hidden=2 * width) for _ in range(2)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, digits.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10]."""
        x = self.embed(x).flatten(2).transpose(1, 2) + self.place
        return self.head(self.norm(self.layers(x)).mean(dim=1))


def mlp(seed: int = 0) -> tuple[nn.Module, tuple[Tensor]]:
    """Return (trained MLP, example inputs), for `hwsim evaluate examples.networks:mlp`."""
    return digits.train(seed, MLP_EPOCHS, Mlp), digits.example_inputs()


def transformer(seed: int = 0) -> tuple[nn.Module, tuple[Tensor]]:
    """Return (trained transformer, example inputs)."""
    return digits.train(seed, TRANSFORMER_EPOCHS, Transformer), digits.example_inputs()


NETWORKS: Mapping[str, Callable[[int], tuple[nn.Module, tuple[Tensor]]]] = {
    "mlp": mlp,
    "transformer": transformer,
}


def main() -> None:
    """Train both networks, print their test accuracies, and write them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    _, (x_test, y_test) = digits.digits()
    score = partial(digits.accuracy, x=x_test, y=y_test)
    for name, make in NETWORKS.items():
        net, inputs = make(arguments.seed)
        torch.export.save(torch.export.export(net, inputs), folder / f"{name}.pt2")
        parameters = sum(parameter.numel() for parameter in net.parameters())
        print(f"{name}: {parameters} parameters, test accuracy {score(net):.2%}, wrote {name}.pt2")


if __name__ == "__main__":
    main()
