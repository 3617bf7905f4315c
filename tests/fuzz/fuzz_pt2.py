"""Fuzz the reader of .pt2 archives: their JSON is damaged, then packed again."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
from torch import nn

from hwsim.interchange import load
from tests.fuzz.mutations import flipped, tree_damaged
from tests.fuzz.parts import MAGIC, joined, taken, unzipped, zipped
from tests.fuzz.target import Target

WORDS = (
    "torch.ops.aten.relu.default", "torch.ops.aten.from_file.default",
    "torch.ops.aten.zeros.default",
    "torch.ops.aten.full.default", "torch.ops.aten.expand.default", "torch.ops.aten.add_.Tensor",
    "torch.os.system", "_operator.getitem", "as_int", "as_ints", "as_tensor", "as_expr", "expr_str",
    "as_none", "as_float", "as_string", "use_pickle", "weight_0", "tensor_0", "custom_obj_0", "x",
)  # fmt: skip


class _Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.linear = nn.Linear(8, 3)
        self.register_buffer("offset", torch.ones(3))
        self.slope = torch.arange(3.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(torch.relu(self.conv(x)).flatten(1))
        return y + self.get_buffer("offset") * self.slope


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[0]


def _seeds() -> Iterator[bytes]:
    small = _exported(_Small().eval(), (1, 1, 4, 4))
    yield unzipped(small)
    yield small
    yield unzipped(_exported(_Recurrent().eval(), (1, 2, 2)))


def _odd() -> Iterator[bytes]:
    # It returns its last states too, which have no counterpart.
    yield unzipped(_exported(nn.LSTM(2, 3, batch_first=True), (1, 2, 2)))


def _exported(module: nn.Module, shape: tuple[int, ...]) -> bytes:
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (torch.zeros(shape),))
        torch.export.save(program, buffer)
    return buffer.getvalue()


def _mutate(content: bytes, rng: Random) -> bytes:
    if not content.startswith(MAGIC):
        return flipped(content, rng)
    parts = taken(content)
    # Most of what can go wrong lies in the graph.
    trees = [name for name in parts if name.endswith(".json")]
    name = rng.choice(trees if trees and rng.random() < 0.85 else list(parts) or [""])
    try:
        parts[name] = json.dumps(tree_damaged(json.loads(parts[name]), rng, WORDS)).encode()
    except (ValueError, KeyError, RecursionError):
        parts[name] = flipped(parts.get(name, b""), rng)
    if rng.random() < 0.03 and parts:
        parts[rng.choice(("data/aotinductor/model/a.so", "extra/x", ""))] = parts.pop(name)
    return joined(parts)


def _read(path: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(path)


TARGET = Target(
    name="pt2",
    suffix=".pt2",
    seeds=_seeds,
    read=_read,
    mutate=_mutate,
    dressed=zipped,
    words=WORDS,
    odd=_odd,
)
