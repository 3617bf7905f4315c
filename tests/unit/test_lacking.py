"""What a reason says of a sparse weight that is executed dense; never more than is so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim.formats import Bitmask, Block, Csr, Format
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import DeviceProfile, device
from tests.graphs import GraphBuilder


def linear(format_: Format, rows: int = 8) -> Graph:
    """Return a linear layer of reals that is stored so, for 9 positions."""
    builder = GraphBuilder("one", 9, 16)
    graph = builder.done(builder.linear("fc", "x", rows))
    (node,) = graph.nodes
    weight = node.op.weight
    assert weight is not None
    stored = replace(weight, codes=weight.codes * (np.arange(16) % 4 == 0), format=format_)
    op = replace(node.op, weight=stored)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return replace(graph, nodes=(replace(node, op=op),))


def reason(graph: Graph, profile: DeviceProfile) -> str:
    (step,) = lower(graph, profile).steps
    assert step.executed_as == "dense_fallback"
    return step.reason


def test_no_sparse_kernel_at_all() -> None:
    assert reason(linear(Csr()), device("rpi4_xnnpack")) == (
        "XNNPACK has no sparse float32 kernel for linear; zeros are stored and multiplied"
    )
    # Reals of 16 bits are named so.
    said = reason(linear(Csr()), device("t4_tensorrt"))
    assert "has no sparse float16 kernel for linear" in said


@pytest.mark.parametrize("format_", [Block(4, 4), Block(2, 2)])
def test_other_formats_are_named_as_far_as_they_are_multiplied_as_stored(format_: Format) -> None:
    said = reason(linear(format_), device("gather_cpu_sim"))
    assert said == (
        "gather's sparse float32 kernels for linear take bitmask, csr, and the weights are stored "
        f"as {format_.name}; zeros are stored and multiplied"
    )


def test_a_kernel_for_other_shapes_is_not_denied() -> None:
    profile = device("gather_cpu_sim")
    rule = profile.runtime.kernels
    narrow = {
        name: own.model_copy(update={"takes": own.takes.model_copy(update={"columns": (1, 2)})})
        if "csr" in own.formats
        else own
        for name, own in rule.items()
    }
    runtime = profile.runtime.model_copy(update={"kernels": narrow})
    said = reason(linear(Bitmask()), profile.model_copy(update={"runtime": runtime}))
    assert "has no sparse float32 kernel for linear of 1 x 1, stride 1 x 1" in said


def test_a_format_that_is_unpacked_is_not_named() -> None:
    profile = device("gather_cpu_sim")
    decoded = {
        name: own.model_copy(update={"formats": {f: "decoded" for f in own.formats}})
        if "csr" in own.formats
        else own
        for name, own in profile.runtime.kernels.items()
    }
    runtime = profile.runtime.model_copy(update={"kernels": decoded})
    said = reason(linear(Block(4, 4)), profile.model_copy(update={"runtime": runtime}))
    assert said.startswith("gather has no sparse float32 kernel for linear;")
