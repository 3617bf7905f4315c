"""Where a node is written: the tensors and calls made so far, and the words for a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange._storage_notes import StorageNotes
from hwsim.interchange.tflite.read_call import ACTIVATIONS
from hwsim.interchange.tflite.write_schema import Call, Tensor
from hwsim.interchange.tflite.write_versions import version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.graph import Graph, Node
    from hwsim.interchange.tflite.write_schema import Option
    from hwsim.numerics import Quant
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType

FUSED: dict[Fused, int] = {name: code for code, name in ACTIVATIONS.items()}
"""Code of each fused activation."""
_CLAMPS: dict[Fused, str] = {"relu_0_to_1": "RELU_0_TO_1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What has been written so far.

    Attributes:
        graph: The model.
        is_sparse: Whether weights that lie sparse are stored so.
        tensors: By name, in the order of the file.
        calls: In order.
        sparse: Names of the nodes whose weights are stored sparse, as a kernel reads them.
        expanded: Names of those whose weights are stored sparse, and expanded before they run; and
            whether LiteRT's default delegate refuses that.
        notes: What is held otherwise than it lies in memory.
    """

    graph: Graph
    is_sparse: bool = False
    tensors: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    calls: list[Call] = field(default_factory=list[Call])
    sparse: set[str] = field(default_factory=set[str])
    expanded: dict[str, bool] = field(default_factory=dict[str, bool])
    notes: StorageNotes = field(default_factory=lambda: StorageNotes(suffix=".tflite"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One node of the graph, about to be written."""

    draft: Draft
    node: Node

    @property
    def where(self) -> str:
        """`graph/node`, for messages."""
        return f"{self.draft.graph.name}/{self.node.name}"

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        """Types of the operands."""
        return self.draft.graph.input_types(self.node)

    @property
    def output(self) -> TensorType:
        """Type of the (first) result."""
        return self.draft.graph.output_types(self.node)[0]

    @property
    def is_real(self) -> bool:
        """Whether all operands and results are float32."""
        types = (*self.inputs, *self.draft.graph.output_types(self.node))
        return all(type_.quant is None for type_ in types)

    def refusal(self, problem: str) -> InterchangeError:
        """Return the error that says what TFLite cannot hold, and what would do."""
        return InterchangeError(f"{self.where}: cannot be written as TFLite: {problem}")

    def temporary(self, suffix: str, type_: TensorType) -> str:
        """Add a tensor between two operators of this node, and return its name."""
        return self.add(suffix, _activation("", type_))

    def constant(self, suffix: str, values: Array, quant: Quant | None = None) -> str:
        """Add a constant tensor of this node, and return its name."""
        tensor = Tensor(
            name="", shape=values.shape, dtype=values.dtype.name, quant=quant, values=values
        )
        return self.add(suffix, tensor)

    def integers(self, suffix: str, values: tuple[int, ...] | Array) -> str:
        """Add int32 numbers, such as axes, and return their tensor's name."""
        return self.constant(suffix, np.asarray(values, np.int32))

    def add(self, suffix: str, tensor: Tensor) -> str:
        """Add a tensor of this node under a name of its own, and return that."""
        known = self.draft.tensors.keys() | self.draft.graph.tensors.keys()
        stem = name = f"{self.node.name}/{suffix}"
        number = 1
        while name in known:
            number += 1
            name = f"{stem}{number}"
        self.draft.tensors[name] = replace(tensor, name=name)
        return name

    def call(
        self,
        code: str,
        *inputs: str,
        table: str = "",
        version: int = 1,
        outputs: tuple[str, ...] | None = None,
        activation: Fused | None = None,
        **options: Option,
    ) -> None:
        """Add an operator, and one after it where it fuses no such activation.

        Args:
            code: As in the schema.
            *inputs: Names of its operands.
            table: Of its attributes.
            version: The lowest that knows these attributes; the operands' types may ask for more.
            outputs: Names of its results; those of the node by default.
            activation: Fused into it; None where its table has no field for one.
            **options: Fields of `table`.
        """
        results = self.node.outputs if outputs is None else outputs
        if activation is None:
            self._append(code, inputs, results, table, version, options)
        elif activation in FUSED:
            fused = {**options, "FusedActivationFunction": FUSED[activation]}
            self._append(code, inputs, results, table, version, fused)
        else:
            bare = (self.temporary("unclamped", self.output),)
            self._append(code, inputs, bare, table, version, options)
            self._append(_CLAMPS[activation], bare, results, "", 1, {})

    def _append(
        self, code: str, inputs: tuple[str, ...], outputs: tuple[str, ...], table: str,
        version: int, options: Mapping[str, Option],
    ) -> None:  # fmt: skip
        # Some operators take their axes first.
        types = [self.draft.tensors[name] for name in inputs]
        flowing = next((tensor for tensor in types if tensor.values is None), types[0])
        self.draft.calls.append(
            Call(
                code=code,
                version=max(version, version_of(code, flowing.dtype)),
                inputs=inputs,
                outputs=outputs,
                table=table,
                options=options,
            )
        )


def add_activation(draft: Draft, name: str) -> None:
    """Add the tensor `name` of the graph, unless it is there."""
    draft.tensors.setdefault(name, _activation(name, draft.graph.tensors[name]))


def _activation(name: str, type_: TensorType) -> Tensor:
    return Tensor(name=name, shape=type_.shape, dtype=type_.dtype, quant=type_.quant)
