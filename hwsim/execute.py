"""Execute: run a graph with the integers of one runtime, samples spread over the cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.errors import DataError, UnsupportedError
from hwsim.numerics import POLICIES, Numerics
from hwsim.plan.cores import cores, spread
from hwsim.plan.planner import plan_graph
from hwsim.records import Accuracy
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.plan.planner import Step
    from hwsim.tensor import TensorType

Runner: TypeAlias = "Callable[[Array], dict[str, Array]]"
"""Stacked inputs to named results, each [samples, *tensor shape]."""

# Samples that one core works on at a time where nodes run by themselves: enough to amortise Python,
# few enough for its caches, and no more than keep the largest patch matrix within this many bytes.
_CHUNK = 16
_PATCH_BYTES = 1 << 27
# The same where everything is planned: results are all that grows.
_PLANNED_CHUNK = 1 << 10
# Multiply-accumulates and elements worth a thread's while; chunks per core that keep all busy.
_LEAST_EFFORT = 10_000_000
_CHUNKS_PER_CORE = 4


def numerics_of(name: str | Numerics) -> Numerics:
    """Return the policy of that name, or the one that the device profile of that name uses.

    Raises:
        UnsupportedError: There is neither.
    """
    if isinstance(name, Numerics):
        return name
    for policy in POLICIES:
        if policy.name == name:
            return policy
    # What reads profiles takes a tenth of a second to import, and most names are policies.
    from hwsim.profile import known_devices, load_profile

    if name in known_devices() or name.endswith((".yaml", ".yml")):
        return load_profile(name).numerics.resolve()
    known = ", ".join(policy.name for policy in POLICIES)
    raise UnsupportedError(
        f"no numerics policy {name!r}; known: {known}, or the name of a device profile"
    )


def prepare_all(graph: Graph, numerics: str | Numerics, wanted: tuple[str, ...]) -> Runner:
    """Plan once, call often: return the function of stacked inputs to the tensors `wanted`.

    Integer tensors come as codes, the others as float32.

    Raises:
        UnsupportedError: An op has no integer form for its types.
    """
    return _bind(graph, _planned(graph, numerics, wanted), wanted)


def prepare(graph: Graph, numerics: str | Numerics = "tflite-ref") -> Callable[[Array], Array]:
    """Plan once, call often: return the function of stacked inputs to the first output.

    Raises:
        UnsupportedError: See `prepare_all`.
    """
    given, first = graph.inputs[0], graph.outputs[0]
    steps = _planned(graph, numerics, (first,))
    runner = _bind(graph, steps, (first,))
    dtype = _ready_dtype(graph)
    segment = steps[0].segment if len(steps) == 1 else None
    if segment is None or dtype is None or segment.inputs != (given,):
        return lambda x: without_batch(runner(x)[first])
    x_type, y_shape = graph.tensors[given], graph.tensors[first].shape
    shape = x_type.shape
    run_one = segment.bind_one(x_type, without_batch(np.empty((1, *y_shape))).shape)
    # One sample as `stacked` takes it, with the batch axis and without.
    shapes = {(1, *shape), shape if shape[:1] == (1,) else (1, *shape)}

    def run(x: Array) -> Array:
        # Codes of all bits need no check; anything else takes the long way.
        if type(x) is np.ndarray and x.dtype is dtype and x.shape in shapes:
            return run_one(x)
        return without_batch(runner(x)[first])

    return run


def _planned(graph: Graph, numerics: str | Numerics, wanted: tuple[str, ...]) -> tuple[Step, ...]:
    policy = numerics_of(numerics)
    if len(graph.inputs) != 1:
        raise UnsupportedError(
            f"{graph.name}: has {len(graph.inputs)} inputs; models of one input can be run"
        )
    return plan_graph(graph, policy, wanted)


def _bind(graph: Graph, steps: tuple[Step, ...], wanted: tuple[str, ...]) -> Runner:
    """Return the function of stacked inputs that runs `steps`, spread over the cores."""
    largest, least = _chunk_bounds(graph, steps)
    given = graph.inputs[0]
    last_use = {tensor: i for i, step in enumerate(steps) for tensor in step.inputs}

    def run_chunk(x: Array, workers: int = 1) -> dict[str, Array]:
        values: dict[str, Array] = {given: _encoded(graph, x)}
        for index, step in enumerate(steps):
            operands = [values[tensor] for tensor in step.inputs]
            is_shared = workers > 1 and step.segment is not None
            results = step.run(*operands, workers=workers) if is_shared else step.run(*operands)
            for tensor, value in zip(step.outputs, results, strict=True):
                # A constant comes as one sample.
                values[tensor] = np.broadcast_to(value, (len(x), *value.shape[1:]))
            for tensor in step.inputs:
                if last_use[tensor] == index and tensor not in wanted:
                    values.pop(tensor, None)
        return {tensor: _stored(values[tensor], graph.tensors[tensor]) for tensor in wanted}

    def run(x: Array) -> dict[str, Array]:
        x = _checked(graph, stacked(graph, np.asarray(x)))
        samples = len(x)
        if samples <= least:
            return run_chunk(x)
        # Samples of codes that are planned throughout are taken one by one by whoever is free.
        if x.dtype.kind != "f" and samples <= largest and all(step.segment for step in steps):
            return run_chunk(x, min(cores(), samples // least))
        size = min(largest, max(least, -(-samples // (_CHUNKS_PER_CORE * cores()))))
        parts = spread(run_chunk, [x[i : i + size] for i in range(0, samples, size)])
        return {tensor: np.concatenate([part[tensor] for part in parts]) for tensor in wanted}

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


def _chunk_bounds(graph: Graph, steps: Sequence[Step]) -> tuple[int, int]:
    """Return how many samples are run together at most, and at least where there are as many.

    Nodes that run by themselves bound them from above: so many as amortise Python, no more than
    keep the largest patch matrix (in float64) within some bytes.
    """
    works = [graph.workload(node) for node in graph.nodes]
    alone = [graph.workload(step.node) for step in steps if step.node is not None]
    patches = max((work.columns * work.depth * work.groups for work in alone), default=0)
    largest = _CHUNK if any(work.output_elements for work in alone) else _PLANNED_CHUNK
    largest = max(1, min(largest, _PATCH_BYTES // max(1, 8 * patches)))
    effort = sum(work.macs + work.output_elements for work in works)
    return largest, min(largest, 1 + _LEAST_EFFORT // max(1, effort))


def _ready_dtype(graph: Graph) -> np.dtype[Any] | None:
    """Return the type of codes that are all valid; None where some are not, or there are none."""
    quant = graph.tensors[graph.inputs[0]].quant
    if quant is None or 8 * quant.dtype.itemsize != quant.bits:
        return None
    return quant.dtype


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
        # Codes of all bits of their type cannot lie outside.
        if x.dtype is not _ready_dtype(graph) and (x.min() < quant.low or x.max() > quant.high):
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
