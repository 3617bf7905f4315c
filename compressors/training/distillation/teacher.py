"""What a teacher makes of inputs, and which tensors of two graphs can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from hwsim.errors import RecipeError
from hwsim.execute import prepare_all
from hwsim.ops import Softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from hwsim.arrays import Array
    from hwsim.graph import Graph

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits:
    """Where a graph's logits lie.

    Attributes:
        tensor: The first output, or what its softmax reads.
        beta: What that softmax multiplies them by.
    """

    tensor: str
    beta: float

    def of(self, values: Mapping[str, Tensor]) -> Tensor:
        """Return logits [n, classes] of `values` by tensor."""
        return self.beta * values[self.tensor].flatten(1)


def logits_of(graph: Graph) -> Logits:
    """Return where the logits of `graph` lie."""
    last = graph.producers.get(graph.outputs[0])
    if last is None or not isinstance(last.op, Softmax):
        return Logits(tensor=graph.outputs[0], beta=1.0)
    return Logits(tensor=last.inputs[0], beta=last.op.beta)


def shown_by(graph: Graph, x: Array, tensors: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the real values float32 [n, *shape] of `tensors` for inputs `x` [n, ...].

    Args:
        graph: Of floats or integers, which are run as such (policy tflite-ref).
        x: Stacked inputs.
        tensors: Names.
    """
    wanted = tuple(dict.fromkeys(tensors))
    values = prepare_all(graph, "tflite-ref", wanted)(x)
    shown: dict[str, Tensor] = {}
    for name in wanted:
        quant = graph.tensors[name].quant
        real = values[name] if quant is None else quant.decode(values[name])
        shown[name] = torch.tensor(real, dtype=torch.float32)
    return shown


def comparable(teacher: Graph, student: Graph, named: Pairs) -> Pairs:
    """Return the pairs (teacher's tensor, student's tensor) to compare.

    Args:
        teacher: One graph.
        student: The other.
        named: What the user asks for; empty: the last tensor of each image size that both have;
            where there is none, what their last layers with weights read.

    Raises:
        RecipeError: A named tensor does not exist, or two cannot be compared.
    """
    for own, other in named:
        for graph, name, role in ((teacher, own, "teacher"), (student, other, "student")):
            if name not in graph.tensors:
                known = ", ".join(graph.tensors)
                raise RecipeError(
                    f"{graph.name}: distill.features: the {role} has no tensor {name!r}; "
                    f"known: {known}"
                )
        ranks = len(teacher.tensors[own].shape), len(student.tensors[other].shape)
        if ranks[0] != ranks[1]:
            raise RecipeError(
                f"{student.name}: distill.features: {own}={other} have {ranks[0]} and {ranks[1]} "
                "axes; expected as many"
            )
    if named:
        return named
    ours, theirs = _last_images(teacher), _last_images(student)
    shared = [size for size in ours if size in theirs]
    if shared:
        return tuple((ours[size], theirs[size]) for size in shared)
    return ((_read_last(teacher), _read_last(student)),)


def _last_images(graph: Graph) -> dict[tuple[int, ...], str]:
    """Return by size the last tensor [1, height, width, channels] of more than one position."""
    last: dict[tuple[int, ...], str] = {}
    for node in graph.nodes:
        shape = graph.tensors[node.outputs[0]].shape
        if len(shape) == 4 and shape[1] * shape[2] > 1:
            last[shape[1:3]] = node.outputs[0]
    return last


def _read_last(graph: Graph) -> str:
    layers = [node for node in graph.nodes if node.op.weight is not None]
    if not layers:
        raise RecipeError(f"{graph.name}: distill: expected a layer with weights, got none")
    return layers[-1].inputs[0]
