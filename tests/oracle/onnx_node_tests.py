"""ONNX's own tests of single operators, run through the reader and the float64 reference."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

from hwsim.arrays import Array
from hwsim.errors import GraphError, InterchangeError
from hwsim.graph import Graph
from hwsim.interchange.onnx.read_graph import read
from hwsim.limits import expanded
from hwsim.reference import trace

Verdict: TypeAlias = Literal["passed", "refused", "failed"]

# What a message of refusal says, and what it is for the reader of the document.
REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("float8|float4|FLOAT8|FLOAT4|holds no codes", "8- and 4-bit floating point"),
    ("a cast between reals", "casts to integers"),
    (
        "reals as operand|at most 16 bits|reals, got integers",
        "arithmetic on integers without a scale",
    ),
    ("is no tensor$", "sequences and optional values"),
    ("training_mode", "training mode"),
    ("fixed extents after the batch|elements, got shape|leaves|at least one", "empty tensors"),
    ("further result", "further results: masks and indices"),
    ("an image or a signal|\\[in, out, height, width\\]", "three spatial axes"),
    ("no peepholes", "recurrent layers with peepholes"),
    ("no tensor that can be read", "scales that depend on the input"),
    ("dilations 1", "dilated pools"),
    ("one scale for an activation|block_size", "activations with several scales"),
    ("mode nearest or linear|exclude_outside|antialias", "resizing: cubic, antialiased"),
    ("positions|whole multiples|more than one pixel", "resizing: other positions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTest:
    """A model of one operator, with what goes in and what must come out."""

    name: str
    op: str
    model: ModelProto
    data: Sequence[tuple[Sequence[Any], Sequence[Any]]]
    rtol: float
    atol: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a test; `message` says why it was refused, or how it differs."""

    test: NodeTest
    verdict: Verdict
    message: str = ""


@cache
def node_tests() -> tuple[NodeTest, ...]:
    """Return the tests whose model is a single node."""
    with warnings.catch_warnings():
        # Some cases overflow on purpose as they are made.
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        cases = load_model_tests(kind="node")
    found: list[NodeTest] = []
    for case in cases:
        model: Any = case.model
        if model is None:
            path = f"{case.model_dir}/model.onnx"
            model = onnx.load(path)  # pyright: ignore[reportUnknownMemberType]
        if len(model.graph.node) == 1 and case.data_sets and "expanded" not in case.name:
            node = model.graph.node[0]
            domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
            found.append(
                NodeTest(
                    name=case.name,
                    op=domain + node.op_type,
                    model=model,
                    data=case.data_sets,
                    rtol=case.rtol,
                    atol=case.atol,
                )
            )
    return tuple(found)


def outcome(test: NodeTest) -> Outcome:
    """Return what becomes of `test`, its inputs flowing where the operator lets them."""
    messages: list[str] = []
    for flowing in (_floating(test), _first(test)):
        try:
            problems = [
                p for given, wanted in test.data if (p := _problem(test, flowing, given, wanted))
            ]
        except (GraphError, InterchangeError) as error:
            messages.append(str(error))
            continue
        if problems:
            return Outcome(test=test, verdict="failed", message=problems[0])
        return Outcome(test=test, verdict="passed")
    return Outcome(test=test, verdict="refused", message=messages[-1])


def reason(refusal: Outcome) -> str:
    """Return why a test was refused, as the document says it; nothing where no reason fits."""
    found = (label for pattern, label in REASONS if re.search(pattern, refusal.message))
    return next(found, "")


def _floating(test: NodeTest) -> set[str]:
    """Return the inputs that are no lists of whole numbers, such as shapes and axes."""
    integers = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL)
    inputs = test.model.graph.input
    found = {i.name for i in inputs if i.type.tensor_type.elem_type not in integers}
    return found or {info.name for info in inputs[:1]}


def _first(test: NodeTest) -> set[str]:
    """Return the first of these alone: the others may be weights."""
    floating = _floating(test)
    return set([info.name for info in test.model.graph.input if info.name in floating][:1])


def _problem(test: NodeTest, flowing: set[str], given: Sequence[Any], wanted: Sequence[Any]) -> str:
    """Return how the outputs differ from `wanted`; nothing where they agree."""
    feeds: dict[str, Array] = {}
    model = deepcopy(test.model)
    for info, raw in zip(model.graph.input, given, strict=True):
        value = _array(test, info.name, raw)
        if info.name in flowing:
            feeds[info.name] = _plain(value)
        else:
            model.graph.initializer.append(numpy_helper.from_array(value, info.name))
    graph = read(model, test.name, expanded(model.ByteSize())).graph
    outputs = trace(graph, {name: array[None] for name, array in feeds.items()})
    for name, raw in zip(graph.outputs, wanted, strict=True):
        try:
            _compare(test, graph, name, outputs[name][0], _array(test, name, raw))
        except AssertionError as error:
            return " ".join(str(error).split())
    return ""


def _array(test: NodeTest, name: str, raw: Any) -> Array:
    if isinstance(raw, onnx.TensorProto):
        return numpy_helper.to_array(raw)
    if not hasattr(raw, "dtype"):
        raise InterchangeError(f"{test.name}: {name} is no tensor")
    return np.asarray(raw)


def _plain(array: Array) -> Array:
    """Return codes of fewer than 8 bits in NumPy's own type."""
    return array.astype(np.int8) if "int" in array.dtype.name and array.dtype.kind == "V" else array


def _compare(test: NodeTest, graph: Graph, name: str, got: Array, expected: Array) -> None:
    """Compare as ONNX's runner does."""
    quant = graph.tensors[name].quant
    if quant is not None:
        got = quant.encode(got)
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    assert (expected.dtype.kind in "iu") == (quant is not None), f"{expected.dtype} expected"
    np.testing.assert_allclose(
        got.astype(expected.dtype).astype(np.float64),
        expected.astype(np.float64),
        rtol=test.rtol,
        atol=test.atol,
    )
