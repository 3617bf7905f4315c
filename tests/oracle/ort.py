"""ONNX Runtime as an oracle: what a model makes of stacked inputs, with its default settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from hwsim.arrays import Array
from hwsim.graph import Graph, Node
from tests.cases import Case

ort: Any = pytest.importorskip("onnxruntime", reason="needs onnxruntime")


def session(content: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def outputs(content: bytes, feeds: Mapping[str, Array], names: Sequence[str]) -> list[Array]:
    """Return the results `names` for operands [samples, ...]: each [samples, ...]."""
    runner = session(content)
    count = max((len(x) for x in feeds.values()), default=1)
    runs = [runner.run(list(names), {k: x[i] for k, x in feeds.items()}) for i in range(count)]
    return [np.stack(results) for results in zip(*runs, strict=True)]


def graph_of(case: Case) -> Graph:
    """Return the graph of one op, its operands x0, x1, ... and its result y."""
    names = tuple(f"x{i}" for i in range(len(case.inputs)))
    return Graph(
        name="net",
        inputs=names,
        outputs=("y",),
        tensors={**dict(zip(names, case.inputs, strict=True)), "y": case.outputs[0]},
        nodes=(Node(name="op", op=case.op, inputs=names, outputs=("y",)),),
    )
