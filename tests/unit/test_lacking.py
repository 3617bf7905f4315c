"""What a reason says of a sparse weight that is executed dense; never more than is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

import compressors
from hwsim.data import Data
from hwsim.formats import Bitmask, Block, Csr, Format
from hwsim.graph import Graph
from hwsim.lacking import no_sparse_kernel
from hwsim.lower import lower
from hwsim.ops import Linear
from hwsim.profile import DeviceProfile, device
from tests.graphs import GraphBuilder, samples


def linear(format_: Format) -> Graph:
    """Return a linear layer of 8-bit integers that is stored so, for 9 positions."""
    builder = GraphBuilder("one", 9, 16)
    builder.linear("fc", "x", 8)
    graph = compressors.parse("prune{sparsity=0.75}|quantize").apply(
        builder.done("fc"), Data(x=samples(builder.done("fc"), 4))
    )
    (node,) = graph.nodes
    assert isinstance(node.op, Linear)
    op = replace(node.op, weight=replace(node.op.weight, format=format_))
    return replace(graph, nodes=(replace(node, op=op),))


def reason(graph: Graph, profile: DeviceProfile) -> str:
    (step,) = lower(graph, profile).steps
    assert step.executed_as == "dense_fallback"
    return step.reason


def test_no_sparse_kernel_at_all() -> None:
    assert reason(linear(Csr()), device("rpi4_xnnpack")) == (
        "XNNPACK has no sparse int8 kernel for linear; zeros are stored and multiplied"
    )


@pytest.mark.parametrize("format_", [Block(4, 4), Block(2, 2)])
def test_other_formats_are_named_as_far_as_they_are_multiplied_as_stored(format_: Format) -> None:
    said = reason(linear(format_), device("gather_cpu_sim"))
    assert said == (
        "gather's sparse int8 kernels for linear take bitmask, csr, and the weights are stored "
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
    assert "has no sparse int8 kernel for linear of 1 x 1, stride 1 x 1" in said


def test_a_format_that_is_unpacked_is_not_named() -> None:
    profile = device("gather_cpu_sim")
    decoded = {
        name: own.model_copy(update={"formats": dict.fromkeys(own.formats, "decoded")})
        if "csr" in own.formats
        else own
        for name, own in profile.runtime.kernels.items()
    }
    runtime = profile.runtime.model_copy(update={"kernels": decoded})
    said = reason(linear(Block(4, 4)), profile.model_copy(update={"runtime": runtime}))
    assert said.startswith("gather has no sparse int8 kernel for linear;")


def test_numbers_are_named_as_programs_do() -> None:
    named = {
        "8x8": "int8",
        "16x8": "int16 x int8",
        "8x4g": "int8 x int4",
        "f32x8": "float16 x int8",
    }
    named |= {"f32": "float16", "f32w4": "float16 x int4"}
    builder = GraphBuilder("one", 9, 16)
    graph = builder.done(builder.linear("fc", "x", 8))
    (step,) = lower(graph, device("t4_tensorrt")).steps
    assert step.weight is not None
    sparse = replace(step.weight, format=Csr())
    for types, name in named.items():
        said = no_sparse_kernel(replace(step, types=types), sparse, device("t4_tensorrt"), ())
        assert said == f"TensorRT has no sparse {name} kernel for linear", said
