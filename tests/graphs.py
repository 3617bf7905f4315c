"""Small graphs built by hand, one per way in which channels depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.arrays import Array
from hwsim.graph import Graph, Node, validate
from hwsim.numerics import Numerics, find_policy
from hwsim.op import Op, Site
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Gather,
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Mul,
    Pad,
    PRelu,
    ReduceMax,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.tensor import TensorType, Weight

SAME = ((1, 1), (1, 1))


def weight_of(reals: Sequence[object]) -> Weight:
    """Return nested lists of reals as a float32 weight."""
    return Weight(codes=np.array(reals, np.float32))


class GraphBuilder:
    """Adds nodes one by one; a tensor has the name of the node that makes it."""

    def __init__(self, name: str, *shape: int, seed: int = 0) -> None:
        self.name, self.rng = name, np.random.default_rng(seed)
        self.tensors = {"x": TensorType(shape=shape)}
        self.nodes: list[Node] = []

    def add(self, name: str, op: Any, *inputs: str) -> str:
        operator: Op = op
        (shape,) = operator.infer(*(self.tensors[tensor].shape for tensor in inputs))
        self.tensors[name] = TensorType(shape=shape)
        self.nodes.append(Node(name=name, op=operator, inputs=inputs, outputs=(name,)))
        return name

    def real(self, *shape: int, scale: float = 1.0) -> Weight:
        return Weight(codes=(scale * self.rng.standard_normal(shape)).astype(np.float32))

    def conv(self, name: str, source: str, out: int, kernel: int = 3, **settings: Any) -> str:
        """Add a convolution with bias; 3 x 3 ones keep the size."""
        depth = self.tensors[source].shape[3] // settings.get("groups", 1)
        settings.setdefault("padding", SAME if kernel == 3 else ((0, 0), (0, 0)))
        scale = (kernel * kernel * depth) ** -0.5
        weight = self.real(out, kernel, kernel, depth, scale=scale)
        bias = self.real(out, scale=0.3)
        return self.add(name, Conv2d(weight=weight, bias=bias, **settings), source)

    def transposed(self, name: str, source: str, out: int, **settings: Any) -> str:
        """Add a transposed 3 x 3 convolution with bias, of which a border is cut."""
        depth = self.tensors[source].shape[3] // settings.get("groups", 1)
        weight = self.real(out, 3, 3, depth, scale=(9 * depth) ** -0.5)
        bias = self.real(out, scale=0.3)
        op = Conv2dTranspose(weight=weight, bias=bias, padding=SAME, **settings)
        return self.add(name, op, source)

    def linear(self, name: str, source: str, out: int, **settings: Any) -> str:
        depth = self.tensors[source].shape[-1]
        weight = self.real(out, depth, scale=depth**-0.5)
        bias = self.real(out, scale=0.3)
        return self.add(name, Linear(weight=weight, bias=bias, **settings), source)

    def norm(self, name: str, source: str) -> str:
        channels = self.tensors[source].shape[-1]
        variance = Weight(codes=self.rng.uniform(0.5, 2.0, channels).astype(np.float32))
        op = BatchNorm(
            gamma=self.real(channels),
            beta=self.real(channels),
            mean=self.real(channels, scale=0.2),
            variance=variance,
        )
        return self.add(name, op, source)

    def relu(self, name: str, source: str) -> str:
        return self.add(name, Elementary(function="relu"), source)

    def flat(self, name: str, source: str) -> str:
        elements = self.tensors[source].elements
        return self.add(name, Reshape(shape=(1, elements)), source)

    def done(self, *outputs: str) -> Graph:
        return validate(
            Graph(
                name=self.name,
                inputs=("x",),
                outputs=outputs,
                tensors=self.tensors,
                nodes=tuple(self.nodes),
            )
        )


def mlp() -> Graph:
    """Image flattened before linear layers."""
    b = GraphBuilder("mlp", 1, 4, 4, 3)
    image = b.relu("relu0", b.conv("conv", "x", 6))
    hidden = b.relu("relu1", b.linear("fc1", b.flat("flat", image), 10))
    return b.done(b.linear("fc2", hidden, 4))


def residual() -> Graph:
    """Two blocks: an identity shortcut, and a strided projection."""
    b = GraphBuilder("residual", 1, 8, 8, 3)
    stem = b.relu("stem_relu", b.norm("stem_bn", b.conv("stem", "x", 8)))
    a = b.relu("a1_relu", b.norm("a1_bn", b.conv("a1", stem, 8)))
    a = b.add("a_sum", Add(), b.norm("a2_bn", b.conv("a2", a, 8)), stem)
    a = b.relu("a_relu", a)
    c = b.relu("c1_relu", b.norm("c1_bn", b.conv("c1", a, 12, stride=(2, 2))))
    c = b.norm("c2_bn", b.conv("c2", c, 12))
    shortcut = b.norm("proj_bn", b.conv("proj", a, 12, kernel=1, stride=(2, 2)))
    c = b.relu("c_relu", b.add("c_sum", Add(), c, shortcut))
    pooled = b.add("pool", AveragePool2d(kernel=(4, 4), stride=(4, 4)), c)
    logits = b.linear("fc", b.flat("flat", pooled), 5)
    return b.done(b.add("softmax", Softmax(), logits))


def separable() -> Graph:
    """Depthwise and pointwise convolutions, one with a channel multiplier of 2."""
    b = GraphBuilder("separable", 1, 8, 8, 2)
    y = b.relu("stem_relu", b.norm("stem_bn", b.conv("stem", "x", 6)))
    y = b.relu("dw1_relu", b.norm("dw1_bn", b.conv("dw1", y, 6, groups=6)))
    y = b.add("pw1_relu", Elementary(function="relu6"), b.norm("n1", b.conv("pw1", y, 8, kernel=1)))
    y = b.relu("dw2_relu", b.norm("dw2_bn", b.conv("dw2", y, 16, groups=8)))
    y = b.relu("pw2_relu", b.norm("pw2_bn", b.conv("pw2", y, 10, kernel=1)))
    return b.done(b.linear("fc", b.add("mean", Mean(axes=(1, 2)), y), 3))


def grouped() -> Graph:
    """Convolutions of 2 groups between plain ones."""
    b = GraphBuilder("grouped", 1, 6, 6, 3)
    y = b.relu("r1", b.norm("n1", b.conv("c1", "x", 8)))
    y = b.relu("r2", b.norm("n2", b.conv("c2", y, 12, groups=2)))
    y = b.relu("r3", b.conv("c3", y, 6, kernel=1))
    return b.done(b.linear("fc", b.flat("flat", y), 4))


def concatenated() -> Graph:
    """Branches side by side, padded and pooled, then half of the channels cut out again."""
    b = GraphBuilder("concatenated", 1, 8, 8, 3)
    left = b.relu("left_relu", b.conv("left", "x", 6))
    padded = b.add("pad", Pad(padding=((0, 0), (1, 1), (1, 1), (0, 0))), left)
    left = b.relu("left2_relu", b.conv("left2", padded, 4, padding=((0, 0), (0, 0))))
    right = b.add("pool", MaxPool2d(kernel=(3, 3), stride=(1, 1), padding=SAME), "x")
    right = b.relu("right_relu", b.conv("right", right, 6, kernel=1))
    both = b.add("both", Concat(axis=-1), left, right, "left_relu")
    cut = Slice(start=(0, 0, 0, 2), stop=(1, 8, 8, 13), step=(1, 1, 1, 1))
    y = b.relu("mix_relu", b.conv("mix", b.add("cut", cut, b.norm("both_bn", both)), 8))
    return b.done(b.conv("head", y, 3, kernel=1))


def gated() -> Graph:
    """Squeeze and excitation: channels multiplied by a gate; hard swish and a constant sum."""
    b = GraphBuilder("gated", 1, 6, 6, 3)
    y = b.add("swish", Elementary(function="hard_swish"), b.norm("bn", b.conv("conv", "x", 8)))
    squeezed = b.add("squeeze", Mean(axes=(1, 2), keep_axes=True), y)
    gate = b.conv("up", b.relu("down_relu", b.conv("down", squeezed, 4, kernel=1)), 8, kernel=1)
    gate = b.add("gate", Elementary(function="logistic"), gate)
    y = b.add("gated", Mul(), y, gate)
    y = b.add("shifted", Add(), y, b.add("shift", Constant(value=b.real(8))))
    return b.done(b.conv("head", b.conv("mix", y, 6, kernel=1, activation="relu"), 2, kernel=1))


def attention() -> Graph:
    """One block of a transformer: one head, residual sums, layer norm, a hidden layer."""
    b = GraphBuilder("attention", 1, 5, 6)
    stem = b.linear("stem", "x", 8)
    y = b.add("ln1", LayerNorm(gamma=b.real(8), beta=b.real(8)), stem)
    q, k, v = (b.linear(name, y, 8) for name in ("q", "k", "v"))
    turned = b.add("turned", Transpose(axes=(0, 2, 1)), k)
    weights = b.add("softmax", Softmax(), b.add("scores", MatMul(scale=8**-0.5), q, turned))
    y = b.add("sum1", Add(), b.linear("o", b.add("mixed", MatMul(), weights, v), 8), stem)
    hidden = b.add("gelu", Elementary(function="gelu"), b.linear("up", y, 12))
    y = b.add("sum2", Add(), b.linear("down", hidden, 8), y)
    return b.done(b.linear("head", b.norm("bn", y), 4))


def decoder() -> Graph:
    """Images made small and large again, by every way of either; differences and extremes."""
    b = GraphBuilder("decoder", 1, 6, 6, 3)
    y = b.add("leaky", LeakyRelu(alpha=0.2), b.conv("stem", "x", 8))
    small = b.add("prelu", PRelu(alpha=b.real(6)), b.conv("down", y, 6, stride=(2, 2)))
    up = b.transposed("up", small, 8, stride=(2, 2), extra=(1, 1))
    y = b.add("rest", Sub(), y, up)
    wide = b.add("bilinear", ResizeBilinear(size=(6, 6)), small)
    twice = b.add("nearest", ResizeNearest(size=(6, 6), positions="asymmetric"), small)
    both = b.add("largest", Maximum(), wide, twice)
    y = b.add("both", Concat(axis=-1), y, both)
    y = b.transposed("mix", b.norm("bn", y), 8, groups=2)
    y = b.add("sum", Sum(axes=(1,), keep_axes=True), b.add("tile", Tile(repeats=(1, 1, 2, 1)), y))
    y = b.add("max", ReduceMax(axes=(1, 2)), b.add("first", Gather(axis=2, indices=(0, 2, 5)), y))
    return b.done(b.add("scores", LogSoftmax(), b.linear("fc", y, 4)))


GRAPHS: tuple[Callable[[], Graph], ...] = (
    mlp,
    residual,
    separable,
    grouped,
    concatenated,
    gated,
    attention,
    decoder,
)


def samples(graph: Graph, count: int, seed: int = 1) -> Array:
    """Return standard-normal inputs [count, ...]."""
    shape = graph.tensors[graph.inputs[0]].shape
    return np.random.default_rng(seed).standard_normal((count, *shape))


def run_integers(graph: Graph, x: Array, policy: str = "tflite-ref") -> dict[str, Array]:
    """Return the codes of all tensors of an integer graph for real inputs [count, ...]."""
    numerics = find_policy(policy)
    quant = graph.tensors[graph.inputs[0]].quant
    assert quant is not None
    values = {graph.inputs[0]: quant.encode(x)}
    for node in graph.nodes:
        site = _site(graph, node, numerics)
        operands = [values[tensor] for tensor in node.inputs]
        results = node.op.prepare(site)(*operands)
        values |= dict(zip(node.outputs, results, strict=True))
    return values


def _site(graph: Graph, node: Node, numerics: Numerics) -> Site:
    return Site(
        name=f"{graph.name}/{node.name}",
        inputs=graph.input_types(node),
        outputs=graph.output_types(node),
        numerics=numerics,
    )


def with_op(graph: Graph, name: str, **fields: Any) -> Graph:
    """Return `graph` with some fields of the op of node `name` replaced."""
    op: Any = next(node.op for node in graph.nodes if node.name == name)
    return graph.with_ops({name: replace(op, **fields)})
