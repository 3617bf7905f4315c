"""A graph written down op by op, with weights that take no memory: for costs only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.graph import Graph, Node, validate
from hwsim.numerics import Quant
from hwsim.ops import LayerNorm, Linear, MatMul, Reshape, RmsNorm, Softmax, Transpose
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array, Shape
    from hwsim.op import Op
    from hwsim.ops._activation import Fused

_REAL_BITS = 32
# A 16-bit scale and a 16-bit zero point, as int4 libraries for GPUs keep them.
_GROUP_BITS = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantWeight(Weight):
    """A dense weight whose elements are all 1, held as one number however many they are.

    It is to be priced: its bytes are known without packing.

    Attributes:
        group: Weights that share a scale and a zero point of 16 bits each; 0 where none do.
    """

    group: int = 0

    @property
    def nonzero(self) -> Array:
        """See `Weight.nonzero`."""
        return np.broadcast_to(np.True_, self.matrix.shape)

    @property
    def _group_bytes(self) -> int:
        rows, columns = self.matrix.shape
        return rows * -(-columns // self.group) * _GROUP_BITS // 8 if self.group else 0


def constant(shape: Shape, bits: int = _REAL_BITS, group: int = 0) -> ConstantWeight:
    """Return a weight of ones.

    Args:
        shape: Output channels first.
        bits: 32 for float32; else codes that are decoded before reals are multiplied.
        group: See `ConstantWeight.group`.
    """
    if bits == _REAL_BITS:
        return ConstantWeight(codes=np.broadcast_to(np.float32(1), shape))
    codes = np.broadcast_to(np.int8(1), shape)
    quant = Quant(scale=(1.0,), bits=bits)
    return ConstantWeight(codes=codes, quant=quant, is_decoded=True, group=group)


class Draft:
    """Nodes and tensors in the order of execution; each method returns a tensor's name."""

    def __init__(self, name: str) -> None:
        """Start an empty graph called `name`."""
        self.name = name
        self.tensors: dict[str, TensorType] = {}
        self._inputs: list[str] = []
        self._nodes: list[Node] = []

    def input(self, shape: Shape) -> str:
        """Return a new input of float32."""
        name = f"input_{len(self._inputs)}"
        self._inputs.append(name)
        self.tensors[name] = TensorType(shape=shape)
        return name

    def add(self, op: Op, *operands: str) -> str:
        """Return what `op` makes of `operands`."""
        name = f"{op.kind}_{len(self._nodes)}"
        (shape,) = op.infer(*(self.tensors[operand].shape for operand in operands))
        self.tensors[name] = TensorType(shape=shape)
        self._nodes.append(Node(name=name, op=op, inputs=operands, outputs=(name,)))
        return name

    def linear(
        self,
        x: str,
        out: int,
        activation: Fused = "none",
        *,
        bits: int = _REAL_BITS,
        group: int = 0,
    ) -> str:
        """Return a linear layer without bias."""
        weight = constant((out, self.tensors[x].shape[-1]), bits, group)
        return self.add(Linear(weight=weight, activation=activation), x)

    def layer_norm(self, x: str) -> str:
        """Return `x`, normalised over its last axis."""
        features = self.tensors[x].shape[-1:]
        return self.add(LayerNorm(gamma=constant(features), beta=constant(features)), x)

    def rms_norm(self, x: str) -> str:
        """Return `x`, divided by its root mean square over the last axis."""
        return self.add(RmsNorm(gamma=constant(self.tensors[x].shape[-1:])), x)

    def heads(self, x: str, heads: int) -> str:
        """Return [1, tokens, width] as [1, heads, tokens, width / heads]."""
        _, tokens, width = self.tensors[x].shape
        if tokens == 1:
            return self.add(Reshape(shape=(1, heads, 1, width // heads)), x)
        split = self.add(Reshape(shape=(1, tokens, heads, width // heads)), x)
        return self.add(Transpose(axes=(0, 2, 1, 3)), split)

    def joined(self, x: str) -> str:
        """Return [1, heads, tokens, width] as [1, tokens, heads x width]."""
        _, heads, tokens, width = self.tensors[x].shape
        turned = x if tokens == 1 else self.add(Transpose(axes=(0, 2, 1, 3)), x)
        return self.add(Reshape(shape=(1, tokens, heads * width)), turned)

    def attention(self, queries: str, keys: str, values: str) -> str:
        """Return softmax(q k^T / sqrt(width)) v (Vaswani et al., arXiv 1706.03762, equation 1).

        Args:
            queries: [1, heads, tokens, width].
            keys: [1, heads, sources, width].
            values: [1, heads, sources, width].
        """
        width = self.tensors[queries].shape[-1]
        scores = self.add(MatMul(transpose_b=True, scale=1 / math.sqrt(width)), queries, keys)
        return self.add(MatMul(), self.add(Softmax(), scores), values)

    def graph(self, *outputs: str) -> Graph:
        """Return the validated graph."""
        return validate(
            Graph(
                name=self.name,
                inputs=tuple(self._inputs),
                outputs=outputs,
                tensors=self.tensors,
                nodes=tuple(self._nodes),
            )
        )
