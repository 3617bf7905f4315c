"""How fast layers of signs are counted, beside the same layers of bytes: taken in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.formats import Dense, Format, Signs
from hwsim.graph import Graph, Node, validate
from hwsim.numerics import Quant, find_policy
from hwsim.ops import Conv2d, Linear
from hwsim.plan.planner import plan_graph
from hwsim.tensor import TensorType, Weight

BIPOLAR: Final = Quant(scale=(0.5,), bits=1, is_bipolar=True)
BYTE: Final = Quant(scale=(0.5,))
ROUNDS: Final = 60
ROUND_S: Final = 0.001
# Products per output: 3 x 3 kernels of 64, 128 and 512 channels.
DEPTHS: Final = (576, 1152, 4608)


def planned(op: Conv2d | Linear, x: TensorType) -> Callable[[Array], Array]:
    """Return the compiled call of one layer."""
    y = TensorType(shape=op.infer(x.shape)[0], quant=replace(BYTE, scale=(9.0,)))
    node = Node(name="op", op=op, inputs=("x",), outputs=("y",))
    graph = validate(
        Graph(name="net", inputs=("x",), outputs=("y",), tensors={"x": x, "y": y}, nodes=(node,))
    )
    (step,) = plan_graph(graph, find_policy("tflite-ref"), ("y",))
    assert step.segment is not None
    return step.segment.bind_one(x, y.shape)


def ratio(shape: tuple[int, ...], is_linear: bool, out: int, pad: int = 0) -> float:
    """Return the time of bytes over that of signs, of a layer that reads `shape`."""
    rng = np.random.default_rng(0)
    depth = shape[-1]
    codes = rng.choice(
        np.array([-1, 1], np.int8), (out, depth) if is_linear else (out, 3, 3, depth)
    )
    x = rng.choice(np.array([-1, 1], np.int8), shape)

    def layer(quant: Quant, fmt: Format) -> Callable[[Array], Array]:
        weight = Weight(codes=codes, quant=quant, format=fmt)
        op = (
            Linear(weight=weight)
            if is_linear
            else Conv2d(weight=weight, padding=((pad, pad), (pad, pad)))
        )
        return planned(op, TensorType(shape=shape, quant=quant))

    signs, bytes_ = layer(BIPOLAR, Signs()), layer(BYTE, Dense())
    np.testing.assert_array_equal(signs(x), bytes_(x))
    took = [seconds(call, x) for _ in range(ROUNDS) for call in (signs, bytes_)]
    # The fastest round of each: what interrupts hits long calls more often.
    return min(took[1::2]) / min(took[::2])


def seconds(call: Callable[[Array], Array], x: Array) -> float:
    """Return the mean time of one call, of a round of them."""
    start, count = time.perf_counter(), 0
    while (now := time.perf_counter()) - start < ROUND_S or not count:
        call(x)
        count += 1
    return (now - start) / count


def sign_ratios() -> dict[str, dict[str, float]]:
    """Return the time of bytes over that of signs, by row and depth."""
    rows: dict[str, dict[str, float]] = {}
    for pad in (0, 1):
        rows[f"bytes / signs, conv 3x3 14x14, padding {pad}"] = {
            f"K={depth}": ratio((1, 14, 14, depth // 9), False, depth // 9, pad) for depth in DEPTHS
        }
    for count in (1, 64):
        rows[f"bytes / signs, linear -> 512, rows {count}"] = {
            f"K={depth}": ratio((count, depth), True, 512) for depth in DEPTHS
        }
    return rows
