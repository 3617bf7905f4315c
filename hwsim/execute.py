"""Execute: run a graph with the integers of one runtime, samples spread over the cores."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.errors import DataError, UnsupportedError
from hwsim.numerics import POLICIES, Numerics, find_policy
from hwsim.op import Site
from hwsim.profile import known_devices, load_profile
from hwsim.records import Accuracy
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph, Node
    from hwsim.op import Kernel
    from hwsim.tensor import TensorType

Runner: TypeAlias = "Callable[[Array], dict[str, Array]]"
"""Stacked inputs to named results, each [samples, *tensor shape]."""

# Samples that one core works on at a time: enough to amortise Python, few enough for its caches,
# and no more than keep the largest patch matrix (in float64) within this many bytes.
_CHUNK = 16
_PATCH_BYTES = 1 << 27


@dataclass(frozen=True, slots=True)
class _Bound:
    """A node and the function that runs it."""

    node: Node
    run: Kernel


def numerics_of(name: str | Numerics) -> Numerics:
    """Return the policy of that name, or the one that the device profile of that name uses.

    Raises:
        UnsupportedError: There is neither.
    """
    if isinstance(name, Numerics):
        return name
    if name in known_devices() or name.endswith((".yaml", ".yml")):
        return find_policy(load_profile(name).numerics.policy)
    if all(policy.name != name for policy in POLICIES):
        known = ", ".join(policy.name for policy in POLICIES)
        raise UnsupportedError(
            f"no numerics policy {name!r}; known: {known}, or the name of a device profile"
        )
    return find_policy(name)


def prepare_all(graph: Graph, numerics: str | Numerics, wanted: tuple[str, ...]) -> Runner:
    """Plan once, call often: return the function of stacked inputs to the tensors `wanted`.

    Integer tensors come as codes, the others as float32.

    Raises:
        UnsupportedError: An op has no integer form for its types.
    """
    policy = numerics_of(numerics)
    if len(graph.inputs) != 1:
        raise UnsupportedError(
            f"{graph.name}: has {len(graph.inputs)} inputs; models of one input can be run"
        )
    bound = [_Bound(node, _kernel(graph, node, policy)) for node in graph.nodes]
    size = _chunk_size(graph)
    last_use = {t: i for i, b in enumerate(bound) for t in b.node.inputs}

    def run_chunk(x: Array) -> dict[str, Array]:
        values: dict[str, Array] = {graph.inputs[0]: _encoded(graph, x)}
        for index, step in enumerate(bound):
            results = step.run(*(values[tensor] for tensor in step.node.inputs))
            for tensor, value in zip(step.node.outputs, results, strict=True):
                values[tensor] = np.broadcast_to(value, (len(x), *value.shape[1:]))
            for tensor in step.node.inputs:
                if last_use[tensor] == index and tensor not in wanted:
                    values.pop(tensor, None)
        return {tensor: _stored(values[tensor], graph.tensors[tensor]) for tensor in wanted}

    def run(x: Array) -> dict[str, Array]:
        given = _checked(graph, stacked(graph, np.asarray(x)))
        chunks = [given[i : i + size] for i in range(0, len(given), size)]
        if len(chunks) == 1:
            return run_chunk(chunks[0])
        with ThreadPoolExecutor(max_workers=_cores()) as pool:
            parts = list(pool.map(run_chunk, chunks))
        return {tensor: np.concatenate([part[tensor] for part in parts]) for tensor in wanted}

    return run


def prepare(graph: Graph, numerics: str | Numerics = "tflite-ref") -> Callable[[Array], Array]:
    """Plan once, call often: return the function of stacked inputs to the first output.

    Raises:
        UnsupportedError: See `prepare_all`.
    """
    first = graph.outputs[0]
    runner = prepare_all(graph, numerics, (first,))

    def run(x: Array) -> Array:
        return without_batch(runner(x)[first])

    return run


def run(graph: Graph, x: Array, numerics: str | Numerics = "tflite-ref") -> Array:
    """Return the first output for stacked inputs: [samples, ...], codes or float32.

    Args:
        graph: The model.
        x: [samples, ...]; reals are encoded where the model takes integers.
        numerics: A policy's name, a policy, or the name of a device profile.

    Raises:
        DataError: `x` does not fit the model.
        UnsupportedError: An op has no integer form, or there is no such policy.
    """
    return prepare(graph, numerics)(x)


def accuracy(graph: Graph, data: Data, numerics: str | Numerics) -> Accuracy:
    """Return how often the largest value of the first output is the label.

    Raises:
        DataError: `data` has no labels, or does not fit the model.
    """
    if data.y is None:
        raise DataError(f"{data.name}: accuracy needs labels 'y'")
    outputs = run(graph, data.x, numerics).reshape(data.count, -1)
    low, high = int(data.y.min()), int(data.y.max())
    if low < 0 or high >= outputs.shape[1]:
        raise DataError(
            f"{data.name}: labels y are {low}..{high}; "
            f"{graph.name} tells classes 0..{outputs.shape[1] - 1} apart"
        )
    predicted = outputs.argmax(axis=1)
    return Accuracy(top1=float((predicted == data.y).mean()), n=data.count)


def _chunk_size(graph: Graph) -> int:
    """Return how many samples are run together."""
    works = [graph.workload(node) for node in graph.nodes]
    largest = max((work.columns * work.depth * work.groups for work in works), default=0)
    return max(1, min(_CHUNK, _PATCH_BYTES // max(1, 8 * largest)))


def _kernel(graph: Graph, node: Node, numerics: Numerics) -> Kernel:
    inputs, outputs = graph.input_types(node), graph.output_types(node)
    is_real = all(type_.quant is None for type_ in (*inputs, *outputs))
    if is_real and (node.op.weight is None or node.op.weight.quant is None):
        return node.op.reference
    site = Site(name=f"{graph.name}/{node.name}", inputs=inputs, outputs=outputs, numerics=numerics)
    return node.op.prepare(site)


def _cores() -> int:
    """Return how many cores this process may use; a worker among others keeps to one."""
    if parent_process() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked(graph: Graph, x: Array) -> Array:
    """Return `x` if it is what the graph's input takes: finite reals, or codes of its own type.

    Integers of another type are refused: nobody can tell whether they are codes or reals.
    """
    name = graph.inputs[0]
    quant = graph.tensors[name].quant
    where = f"{graph.name}: input {name!r}"
    if x.dtype.kind not in "iuf":
        raise DataError(f"{where} expects integers or reals, got {x.dtype}")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(f"{where} holds NaN or infinite values")
    if quant is not None and x.dtype.kind != "f":
        if x.dtype != quant.dtype:
            raise DataError(
                f"{where} expects {quant.dtype} codes or reals, got {x.dtype}; "
                "convert reals to float32, codes to the type of the codes"
            )
        if x.size and (x.min() < quant.low or x.max() > quant.high):
            raise DataError(
                f"{where} expects codes {quant.low}..{quant.high}, got {x.min()}..{x.max()}"
            )
    return x


def _encoded(graph: Graph, x: Array) -> Array:
    """Return checked inputs as the graph takes them: codes, or float64."""
    quant = graph.tensors[graph.inputs[0]].quant
    if quant is None:
        return x.astype(np.float64)
    return quant.encode(x) if x.dtype.kind == "f" else x


def _stored(value: Array, type_: TensorType) -> Array:
    return value.astype(np.float32) if type_.quant is None else value


def without_batch(value: Array) -> Array:
    """Return a result [samples, 1, ...] without the graph's own batch axis of 1."""
    return value[:, 0] if value.ndim > 2 and value.shape[1] == 1 else value
