"""Train a small residual network on scikit-learn's 8 x 8 handwritten digits.

python examples/digits.py --output FOLDER
python examples/digits.py --output FOLDER --hold-out 0.333 --hold-out-seed 1 --shifted
hwsim evaluate examples.digits:model --device DEVICE
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import torch
from sklearn.datasets import load_digits  # pyright: ignore[reportUnknownVariableType]
from sklearn.model_selection import (
    train_test_split,  # pyright: ignore[reportUnknownVariableType]
)
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from hwsim.arrays import Array

Samples: TypeAlias = "tuple[Array, Array]"
"""Images x and labels y."""

CLASSES = 10
TEST_SHARE = 0.25
# The split is the same for every seed of training, so that accuracies can be compared.
SPLIT_SEED = 0
EPOCHS = 16
BATCH_SIZE = 64
LEARNING_RATE = 4e-3


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, a 1 x 1 one where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Make a block from `inputs` to `outputs` channels."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs, height / stride, width / stride]."""
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class DigitsNet(nn.Module):
    """Logits [n, 10] of images [n, 1, 8, 8] in 0..1."""

    def __init__(self) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.block1 = Block(16, 16, stride=1)
        self.block2 = Block(16, 32, stride=2)
        self.block3 = Block(32, 32, stride=1)
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10]."""
        x = torch.relu(self.norm(self.stem(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.head(x.mean(dim=(2, 3)))


def digits() -> tuple[Samples, Samples]:
    """Return ((x, y) to train, (x, y) to test): x float32 [n, 1, 8, 8] in 0..1, y int64 [n]."""
    bunch = cast("Any", load_digits())
    x = (bunch.images / 16.0).astype(np.float32)[:, None]
    return _split((x, bunch.target.astype(np.int64)), TEST_SHARE)


def validation(share: float, seed: int = SPLIT_SEED) -> tuple[Samples, Samples]:
    """Return (what is left to train, what chooses), this share of the training images.

    The test images are in neither: what is chosen by some images is flattered by them.
    """
    return _split(digits()[0], share, seed)


def with_shifts(samples: Samples) -> Samples:
    """Return the images, and after them copies moved by one pixel in each of 8 directions.

    Training moves whole batches so; what learns from a file has no other way to see it.
    """
    x, y = samples
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moves = [(1, 1), *((i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1))]
    copies = [padded[:, :, down : down + 8, right : right + 8] for down, right in moves]
    return np.concatenate(copies), np.tile(y, len(copies))


def _split(samples: Samples, share: float, seed: int = SPLIT_SEED) -> tuple[Samples, Samples]:
    """Return (the rest, a share with as many of each digit)."""
    x, y = samples
    parts = cast("Any", train_test_split)(x, y, test_size=share, stratify=y, random_state=seed)
    x_rest, x_part, y_rest, y_part = parts
    return (x_rest, y_rest), (x_part, y_part)


def train(
    seed: int = 0,
    epochs: int = EPOCHS,
    make: Callable[[], nn.Module] = DigitsNet,
    samples: Samples | None = None,
) -> nn.Module:
    """Return a trained network in evaluation mode; torch's global random state is kept.

    It learns all training images where no `samples` are given.
    """
    images, labels = digits()[0] if samples is None else samples
    x, y = torch.tensor(images), torch.tensor(labels)
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
        net = make().train()
        optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
        batches = math.ceil(len(x) / BATCH_SIZE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=LEARNING_RATE, total_steps=epochs * batches
        )
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).tensor_split(batches):
                loss = functional.cross_entropy(net(_shifted(x[batch])), y[batch])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()  # pyright: ignore[reportUnknownMemberType]
                schedule.step()
    return net.eval()


def _shifted(x: Tensor) -> Tensor:
    """Return the images moved by -1, 0 or 1 pixels along each axis, one draw per batch."""
    down, right = (int(torch.randint(0, 3, ())) for _ in range(2))
    return functional.pad(x, (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]


def accuracy(net: nn.Module, x: Array, y: Array) -> float:
    """Return the share of images [n, 1, 8, 8] that `net` labels as `y`."""
    with torch.no_grad():
        guesses: Tensor = net(torch.tensor(x)).argmax(dim=1)
    return float((guesses == torch.tensor(y)).float().mean())


def example_inputs() -> tuple[Tensor]:
    """Return what torch.export traces with: one image."""
    return (torch.zeros(1, 1, 8, 8),)


def model() -> tuple[nn.Module, tuple[Tensor]]:
    """Return (trained network, example inputs), for `hwsim evaluate examples.digits:model`."""
    return train(), example_inputs()


def main() -> None:
    """Train, print the accuracy, and write the network and the data."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="passes over the data")
    parser.add_argument(
        "--hold-out",
        type=float,
        metavar="SHARE",
        help="of the training images, which the network does not see, to digits_val.npz; "
        "the test images are left out",
    )
    parser.add_argument("--hold-out-seed", type=int, default=SPLIT_SEED, help="of that split")
    parser.add_argument(
        "--shifted", action="store_true", help="copies moved by a pixel join digits_train.npz"
    )
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    share: float | None = arguments.hold_out
    kind = "test" if share is None else "val"
    to_train, aside = digits() if share is None else validation(share, arguments.hold_out_seed)
    written = {"train": with_shifts(to_train) if arguments.shifted else to_train, kind: aside}
    for name, (x, y) in written.items():
        np.savez(folder / f"digits_{name}.npz", x=x, y=y)
    start_s = time.perf_counter()
    net = train(arguments.seed, arguments.epochs, samples=to_train)
    elapsed_s = time.perf_counter() - start_s
    torch.export.save(torch.export.export(net, example_inputs()), folder / "digits.pt2")
    parameters = sum(parameter.numel() for parameter in net.parameters())
    print(
        f"{parameters} parameters, trained in {elapsed_s:.1f} s, "
        f"{kind} accuracy {accuracy(net, *aside):.2%} of {len(aside[0])} images"
    )
    print(f"wrote digits.pt2, {', '.join(f'digits_{n}.npz' for n in written)} to {folder}")


if __name__ == "__main__":
    main()
