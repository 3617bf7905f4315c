"""Networks that a few numbers describe."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import GraphError
from hwsim.evidence.synthetic import BUILDERS, is_synthetic, synthetic
from hwsim.graph import validate
from hwsim.reference import trace

if TYPE_CHECKING:
    from hwsim.graph import Graph

# One of each kind, small enough to run.
SMALL = {
    "gemm": "gemm{m=3,k=5,n=7}",
    "gelu": "gelu{rows=3,columns=5}",
    "softmax": "softmax{rows=3,columns=5}",
    "layer_norm": "layer_norm{rows=3,columns=5}",
    "resnet50": "resnet50{percent=2,size=32}",
    "hat_encoder": "hat_encoder{embed=6,layers=2,ffn=5,heads=4,tokens=3}",
    "hat_decoder_step": "hat_decoder_step{embed=6,layers=2,ffn=5,heads=4,cross_heads=2,sources=3,"
    "tokens=3,source_tokens=4,vocab=9}",
    "llm_decode": "llm_decode{embed=8,layers=2,ffn=5,heads=4,kv=4,vocab=9,tokens=3}",
}


def macs(graph: Graph) -> int:
    return sum(graph.workload(node).macs for node in graph.nodes)


def weights(graph: Graph) -> int:
    matrices = [node.op.weight for node in graph.nodes]
    return sum(weight.codes.size for weight in matrices if weight is not None)


@pytest.mark.parametrize("kind", BUILDERS)
def test_every_kind_makes_a_graph_that_runs(kind: str) -> None:
    """Shapes inferred are shapes run, and what weights of one make is finite."""
    graph = synthetic(SMALL[kind])
    assert validate(graph).name == SMALL[kind]
    inputs = {name: np.ones((1, *graph.tensors[name].shape)) for name in graph.inputs}
    outputs = trace(graph, inputs)
    assert set(outputs) == set(graph.outputs)
    for name, result in outputs.items():
        assert result.shape == (1, *graph.tensors[name].shape)
        assert np.isfinite(result).all()


@pytest.mark.parametrize("kind", BUILDERS)
def test_parameters_are_checked(kind: str) -> None:
    spec, builder = SMALL[kind], BUILDERS[kind]
    for wrong in (
        spec.replace("}", ",bogus=1}"),
        spec.replace(f"{builder.required[0]}=", "bogus="),
        spec.replace("}", f",{builder.required[0]}=3}}"),
        re.sub(r"=\d+", "=0", spec, count=1),
        re.sub(r"=\d+", "=-1", spec, count=1),
        re.sub(r"=\d+", "=1.5", spec, count=1),
        spec.removesuffix("}"),
        f"{spec}|{spec}",
        f"un{spec}",
        f"{kind}{{}}",
    ):
        with pytest.raises(GraphError, match="expected") as caught:
            synthetic(wrong)
        assert "\n" not in str(caught.value)


@given(m=st.integers(1, 60), k=st.integers(1, 60), n=st.integers(1, 60))
def test_gemm(m: int, k: int, n: int) -> None:
    graph = synthetic(f"gemm{{m={m},k={k},n={n}}}")
    assert (macs(graph), weights(graph)) == (m * k * n, 0)
    (node,) = graph.nodes
    work = graph.workload(node)
    assert (work.rows, work.columns, work.depth) == (n, m, k)


@given(
    rows=st.integers(1, 60), columns=st.integers(1, 60), kind=st.sampled_from(["gelu", "softmax"])
)
def test_rowwise(rows: int, columns: int, kind: str) -> None:
    graph = synthetic(f"{kind}{{rows={rows},columns={columns}}}")
    (node,) = graph.nodes
    assert graph.workload(node).output_elements == rows * columns
    assert graph.workload(node).kind == kind


@given(
    embed=st.integers(1, 40),
    layers=st.integers(1, 4),
    ffn=st.integers(1, 40),
    heads=st.sampled_from([1, 2, 4, 8]),
    tokens=st.integers(1, 20),
)
def test_encoder_counts(embed: int, layers: int, ffn: int, heads: int, tokens: int) -> None:
    """Weights and products counted on paper."""
    graph = synthetic(
        f"hat_encoder{{embed={embed},layers={layers},ffn={ffn},heads={heads},tokens={tokens}}}"
    )
    per_layer = 4 * embed * 512 + 2 * embed * ffn
    assert weights(graph) == layers * per_layer
    assert macs(graph) == layers * tokens * (per_layer + 2 * tokens * 512)


@given(layers=st.integers(1, 5), more=st.integers(0, 7), tokens=st.integers(1, 20))
def test_decoder_counts(layers: int, more: int, tokens: int) -> None:
    """All `sources` are attended to, whichever layers they fall to."""
    sources = layers + more
    graph = synthetic(
        f"hat_decoder_step{{embed=640,layers={layers},ffn=96,heads=4,cross_heads=8,"
        f"sources={sources},tokens={tokens},source_tokens=7,vocab=100}}"
    )
    per_layer = 6 * 640 * 512 + 2 * 640 * 96
    assert weights(graph) == layers * per_layer + 640 * 100
    attended = layers * tokens + 7 * sources
    assert macs(graph) == weights(graph) + 2 * 512 * attended


def test_a_layer_attends_to_one_source_at_least() -> None:
    with pytest.raises(GraphError, match="sources: expected >= 2"):
        synthetic("hat_decoder_step{embed=6,layers=2,ffn=5,heads=4,cross_heads=2,sources=1}")


@pytest.mark.parametrize(
    "spec",
    [
        "hat_encoder{embed=6,layers=2,ffn=5,heads=3}",
        "hat_decoder_step{embed=6,layers=1,ffn=5,heads=4,cross_heads=3,sources=1}",
        "llm_decode{embed=8,layers=2,ffn=5,heads=3,kv=4,vocab=9}",
        "llm_decode{embed=8,layers=2,ffn=5,heads=4,kv=1,vocab=9}",
        "llm_decode{embed=8,layers=2,ffn=5,heads=4,kv=5,vocab=9}",
        "llm_decode{embed=8,layers=2,ffn=5,heads=4,kv=6,vocab=9}",
        "llm_decode{embed=8,layers=2,ffn=5,heads=4,kv=16,vocab=9}",
    ],
)
def test_heads_divide(spec: str) -> None:
    with pytest.raises(GraphError, match="divide"):
        synthetic(spec)


@pytest.mark.parametrize("setting", ["bits=3", "vocab_bits=16", "tokens=0"])
def test_llm_settings(setting: str) -> None:
    with pytest.raises(GraphError):
        synthetic(f"llm_decode{{embed=8,layers=2,ffn=5,heads=4,kv=4,vocab=9,{setting}}}")


@pytest.mark.parametrize(
    ("shape", "billions"),
    [
        # Parameters less the look-up table: 6.74, 13.02, 68.98 and 8.03 as published.
        ("embed=4096,layers=32,ffn=11008,heads=32,kv=4096,vocab=32000", 6.74 - 0.131),
        ("embed=5120,layers=40,ffn=13824,heads=40,kv=5120,vocab=32000", 13.02 - 0.164),
        ("embed=8192,layers=80,ffn=28672,heads=64,kv=1024,vocab=32000", 68.98 - 0.262),
        ("embed=4096,layers=32,ffn=14336,heads=32,kv=1024,vocab=128256", 8.03 - 0.525),
    ],
)
def test_llama(shape: str, billions: float) -> None:
    """The published sizes come out."""
    graph = synthetic(f"llm_decode{{{shape}}}")
    assert weights(graph) == pytest.approx(billions * 1e9, rel=0.002)


@pytest.mark.parametrize("bits", [4, 8, 32])
def test_weights_take_no_memory(bits: int) -> None:
    shape = "embed=8,layers=1,ffn=12,heads=4,kv=4,vocab=9"
    graph = synthetic(f"llm_decode{{{shape},bits={bits},vocab_bits={bits}}}")
    for node in graph.nodes:
        for weight in node.op.constants:
            assert not any(weight.codes.strides)


@pytest.mark.parametrize(
    ("settings", "bits", "group_bytes"),
    [("", 32, 0), (",bits=8,vocab_bits=8", 8, 0), (",bits=4,group=3,vocab_bits=4", 4, 4)],
)
def test_llm_bytes(settings: str, bits: int, group_bytes: int) -> None:
    """Bytes are those of every weight and of every group's scale and zero point."""
    graph = synthetic(f"llm_decode{{embed=8,layers=2,ffn=12,heads=4,kv=4,vocab=9{settings}}}")
    for node in graph.nodes:
        weight = node.op.weight
        if weight is not None:
            rows, columns = weight.shape
            groups = rows * math.ceil(columns / 3)
            expected = math.ceil(rows * columns * bits / 8) + group_bytes * groups
            assert weight.storage_bytes == expected
            assert int(np.count_nonzero(weight.nonzero)) == weight.codes.size


def test_the_vocabulary_may_stay_real() -> None:
    graph = synthetic("llm_decode{embed=8,layers=1,ffn=12,heads=4,kv=4,vocab=9,bits=4,group=3}")
    widths = [node.op.weight.bits for node in graph.nodes if node.op.weight is not None]
    assert widths == [4] * 7 + [32]
    vocabulary = graph.producers[graph.outputs[0]].op.weight
    assert vocabulary is not None
    assert vocabulary.storage_bytes == 4 * 8 * 9


@pytest.mark.parametrize(
    ("percent", "gmacs", "millions"),
    # Torch-Pruning's README, latency benchmark: MACs and parameters as printed.
    [(100, 4.12, 25.56), (90, 3.31, 20.63), (70, 2.02, 12.46), (50, 1.07, 6.41), (30, 0.39, 2.28)],
)
def test_resnet50(percent: int, gmacs: float, millions: float) -> None:
    graph = synthetic(f"resnet50{{percent={percent},batch=64}}")
    assert macs(graph) / 64 == pytest.approx(gmacs * 1e9, rel=0.02)
    # Weights alone: without biases and batch norms.
    assert weights(graph) == pytest.approx(millions * 1e6, rel=0.01)


def test_names() -> None:
    assert is_synthetic("gelu{rows=1,columns=2}")
    assert not is_synthetic("ncnn_mobilenet")
    assert synthetic(" gemm{ m = 3, k=5,n=7 } ").tensors["matmul_0"].shape == (1, 3, 7)


@pytest.mark.parametrize(
    "spec",
    [
        "hat_encoder{embed=6,layers=257,ffn=5,heads=4}",
        "resnet50{percent=9999999999}",
        "llm_decode{embed=9999999999,layers=1,ffn=5,heads=4,kv=4,vocab=9}",
        "llm_decode{embed=2147483648,layers=1,ffn=2147483648,heads=1,kv=2147483648,vocab=9}",
    ],
)
def test_a_slip_of_the_pen_fills_no_memory(spec: str) -> None:
    with pytest.raises(GraphError, match=r": expected <= |are too large|expected at most"):
        synthetic(spec)
