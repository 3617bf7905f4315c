"""Convolutional networks of many widths, depths and kernels that share one set of weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

from hwsim.graph import Graph, Node, validate
from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Conv2d,
    Elementary,
    Linear,
    Reshape,
    Transpose,
)
from hwsim.reference import as_reals, stacked
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.op import Op

Layout: TypeAlias = Literal["channels_last", "channels_first"]

Constants: TypeAlias = "Callable[[str, Shape], Array]"
"""The name of a constant, as `stage1.block1.conv.weight`, and its shape, to its values."""

_STEM_KERNEL = 3

_Sliceable = TypeVar("_Sliceable", bound=Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One network of the family.

    Attributes:
        widths: Channels of each stage.
        kernels: Kernel of every block, by stage; each stage has at least one block.
    """

    widths: tuple[int, ...]
    kernels: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What all networks have in common.

    A 3 x 3 stem of the first stage's width; per stage a convolution that sets width and stride,
    and further ones, each beside a shortcut (He et al., arXiv 1512.03385, with blocks of one
    layer); the mean over the image; a linear layer. Every convolution is followed by a batch norm
    and a ReLU.

    Attributes:
        input_shape: One image, without the batch axis.
        classes: Logits.
        strides: Of the first block of each stage.
        layout: Where `input_shape` has its channels.
    """

    input_shape: tuple[int, ...]
    classes: int
    strides: tuple[int, ...]
    layout: Layout = "channels_last"

    def graph(self, architecture: Architecture, constants: Constants) -> Graph:
        """Return the network `architecture` with the values that `constants` gives."""
        made = _Chain((1, *self.input_shape), constants)
        if self.layout == "channels_first":
            made.to_channels_last()
        made.conv("stem", architecture.widths[0], _STEM_KERNEL, 1)
        made.relu("stem.relu")
        for stage, (width, kernels) in enumerate(
            zip(architecture.widths, architecture.kernels, strict=True), 1
        ):
            for block, kernel in enumerate(kernels, 1):
                name, before = f"stage{stage}.block{block}", made.last
                made.conv(name, width, kernel, self.strides[stage - 1] if block == 1 else 1)
                if block > 1:
                    made.add(f"{name}.add", Add(), before)
                made.relu(f"{name}.relu")
        return made.done(self.classes)


def cropped(values: _Sliceable, shape: Shape) -> _Sliceable:
    """Return the part of a shared constant that a network of the family uses.

    The first channels (Yu et al., arXiv 1812.08928) and the central taps of kernels (Cai et al.,
    arXiv 1908.09791, section 3.2, without its matrices that transform them).

    Args:
        values: An array or a tensor; convolutions' weights are [out, kernel, kernel, in].
        shape: Of the part.
    """
    index: list[slice] = []
    for axis, (extent, wanted) in enumerate(zip(values.shape, shape, strict=True)):
        is_tap = len(shape) == 4 and axis in (1, 2)
        start = (extent - wanted) // 2 if is_tap else 0
        index.append(slice(start, start + wanted))
    return values[tuple(index)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Supernet:
    """A family with trained weights.

    Attributes:
        family: What networks have in common.
        constants: Of the largest network, by name.
        x: Inputs on which statistics of batch norms are taken.
    """

    family: Family
    constants: Mapping[str, Array]
    x: Array

    def subnet(self, architecture: Architecture) -> Graph:
        """Return one network with the weights that it inherits, statistics its own."""
        graph = self.family.graph(
            architecture, lambda name, shape: cropped(self.constants[name], shape)
        )
        return with_statistics(graph, self.x)


def initial(seed: int) -> Constants:
    """Return what gives weights to start from: normal ones (He et al., arXiv 1502.01852)."""
    rng = np.random.default_rng(seed)

    def values(name: str, shape: Shape) -> Array:
        if name.endswith(".weight"):
            inputs = int(np.prod(shape[1:]))
            return (rng.standard_normal(shape) * np.sqrt(2.0 / inputs)).astype(np.float32)
        is_one = name.endswith((".gamma", ".variance"))
        return np.full(shape, 1.0 if is_one else 0.0, np.float32)

    return values


def with_statistics(graph: Graph, x: Array) -> Graph:
    """Return `graph` with batch norms whose statistics are those of `x`, layer after layer.

    What networks that share weights need (Yu and Huang, arXiv 1903.05134, section 3.3).

    Args:
        graph: Float, of one input.
        x: [samples, ...] reals.
    """
    values = {graph.inputs[0]: as_reals(stacked(graph, x), graph.tensors[graph.inputs[0]])}
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        op = node.op
        if isinstance(op, BatchNorm):
            op = ops[node.name] = _of_statistics(op, values[node.inputs[0]])
        (values[node.outputs[0]],) = op.reference(*(values[tensor] for tensor in node.inputs))
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0:
                del values[tensor]
    return graph.with_ops(ops)


def _of_statistics(op: BatchNorm, x: FloatArray) -> BatchNorm:
    rows = x.reshape(-1, x.shape[-1])
    mean, variance = rows.mean(axis=0), rows.var(axis=0)
    return replace(op, mean=op.mean.with_real(mean), variance=op.variance.with_real(variance))


class _Chain:
    """Adds node after node; a tensor has the name of the node that makes it."""

    def __init__(self, shape: Shape, constants: Constants) -> None:
        self._tensors = {"x": TensorType(shape=shape)}
        self._nodes: list[Node] = []
        self._constants = constants
        self.last = "x"

    @property
    def shape(self) -> Shape:
        return self._tensors[self.last].shape

    def weight(self, name: str, *shape: int) -> Weight:
        return Weight(codes=np.asarray(self._constants(name, shape), np.float32))

    def add(self, name: str, op: Op, *others: str) -> None:
        inputs = (self.last, *others)
        (shape,) = op.infer(*(self._tensors[tensor].shape for tensor in inputs))
        self._tensors[name] = TensorType(shape=shape)
        self._nodes.append(Node(name=name, op=op, inputs=inputs, outputs=(name,)))
        self.last = name

    def to_channels_last(self) -> None:
        batch, channels, height, width = self.shape
        # The order of memory stays where there is one channel, and nothing has to move.
        op = Reshape(shape=(batch, height, width, 1)) if channels == 1 else None
        self.add("x.nhwc", op or Transpose(axes=(0, 2, 3, 1)))

    def conv(self, name: str, out: int, kernel: int, stride: int) -> None:
        weight = self.weight(f"{name}.conv.weight", out, kernel, kernel, self.shape[3])
        sides = (kernel // 2, kernel // 2)
        op = Conv2d(weight=weight, stride=(stride, stride), padding=(sides, sides))
        self.add(f"{name}.conv", op)
        norm = BatchNorm(
            gamma=self.weight(f"{name}.norm.gamma", out),
            beta=self.weight(f"{name}.norm.beta", out),
            mean=self.weight(f"{name}.norm.mean", out),
            variance=self.weight(f"{name}.norm.variance", out),
        )
        self.add(f"{name}.norm", norm)

    def relu(self, name: str) -> None:
        self.add(name, Elementary(function="relu"))

    def done(self, classes: int) -> Graph:
        _, height, width, channels = self.shape
        self.add("mean", AveragePool2d(kernel=(height, width), stride=(height, width)))
        self.add("mean.flat", Reshape(shape=(1, channels)))
        weight = self.weight("head.weight", classes, channels)
        self.add("head", Linear(weight=weight, bias=self.weight("head.bias", classes)))
        return validate(
            Graph(
                name="supernet",
                inputs=("x",),
                outputs=(self.last,),
                tensors=self._tensors,
                nodes=tuple(self._nodes),
            )
        )
