"""What runs how, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import compressors
from hwsim.cost import count, price
from hwsim.data import Data
from hwsim.errors import UnsupportedError
from hwsim.formats import NM, Bitmask, Codebook, Csr, Dense
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.profile import Cycles, KernelRule, device
from hwsim.program import Step
from tests.devices import unit_device
from tests.graphs import GraphBuilder, mlp, residual, samples


def one_layer(bits: int = 8, sparsity: float = 0.5) -> Graph:
    """Return an integer graph of one linear layer [8, 16] with zeros."""
    builder = GraphBuilder("one", 1, 16)
    builder.linear("fc", "x", 8)
    graph = builder.done("fc")
    recipe = f"prune{{structure=2:4}}|quantize{{weights={bits}}}"
    if sparsity != 0.5:
        recipe = f"prune{{structure=unstructured,sparsity={sparsity}}}|quantize"
    return compressors.parse(recipe).apply(graph, Data(x=samples(graph, 8)))


def with_format(graph: Graph, format_: Dense | Csr | Bitmask | NM) -> Graph:
    (node,) = graph.nodes
    weight = node.op.weight
    assert weight is not None
    op = replace(node.op, weight=replace(weight, format=format_))  # pyright: ignore
    return graph.with_ops({node.name: op})  # pyright: ignore[reportUnknownArgumentType]


def only_step(graph: Graph) -> Step:
    (step,) = lower(graph, unit_device()).steps
    return step


@pytest.mark.parametrize(
    ("format_", "executed_as"),
    [
        (Dense(), "native"),
        (Bitmask(), "native"),
        (NM(2, 4), "native"),
        (Csr(), "decoded"),
        (NM(4, 8), "dense_fallback"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_format_runs_as_the_profile_says(
    format_: Dense | Csr | Bitmask | NM, executed_as: str
) -> None:
    step = only_step(with_format(one_layer(), format_))
    assert step.executed_as == executed_as
    assert format_.name in step.reason or executed_as == "native"


def test_a_fallback_stores_zeros_and_says_so() -> None:
    graph = with_format(one_layer(), NM(4, 8))
    step = only_step(graph)
    assert step.weight is not None
    assert step.weight.storage_bytes == 8 * 16
    assert step.reason == (
        "unit's sparse int8 kernels for linear take bitmask, 2:4, and the weights are stored as "
        "4:8; zeros are stored and multiplied"
    )
    assert lower(graph, unit_device()).footprint.flash_bytes == 8 * 16 + 8 * 4


def test_a_decoded_weight_keeps_its_bytes_in_flash_and_takes_ram() -> None:
    graph = with_format(one_layer(), Csr())
    step = only_step(graph)
    assert step.weight is not None
    stored = step.weight.storage_bytes
    program = lower(graph, unit_device())
    assert program.footprint.flash_bytes == stored + 8 * 4
    assert step.scratch_bytes == 8 * 16
    # 16 bytes in, 8 bytes out, 128 bytes unpacked, each at a multiple of 16.
    assert program.footprint.peak_ram_bytes == 128 + 16 + 8


def test_four_bit_weights_without_their_kernel_are_widened() -> None:
    step = only_step(one_layer(bits=4))
    assert (step.types, step.executed_as) == ("8x8", "decoded")
    assert count(lower(one_layer(bits=4), unit_device()))[0].decodes == 8 * 16


def test_an_op_without_a_kernel_is_unsupported_and_never_priced() -> None:
    lacking = unit_device(
        kernels={
            "heavy": KernelRule(ops=("conv2d",), types={"8x8": "native"}, cycles=Cycles(per_mac=1))
        }
    )
    program = lower(one_layer(), lacking)
    assert program.steps[0].executed_as == "unsupported"
    message = "one/fc: unit on unit_device has no kernel for linear"
    with pytest.raises(UnsupportedError, match=message):
        price(program, count(program))


def test_types_without_a_kernel_are_named() -> None:
    (step,) = lower(mlp_layer(), device("ethos_u55_128_vela")).steps
    assert step.executed_as == "unsupported"
    assert "no f32 kernel for linear (takes, as activation x weight bits: " in step.reason


def mlp_layer() -> Graph:
    builder = GraphBuilder("float", 1, 16)
    builder.linear("fc", "x", 8)
    return builder.done("fc")


def test_batch_norms_and_activations_are_fused_before_kernels_are_chosen() -> None:
    kinds = [step.workload.kind for step in lower(residual(), unit_device()).steps]
    assert "batch_norm" not in kinds
    assert "elementary" not in kinds


def test_views_share_the_buffer_of_their_operand() -> None:
    graph = mlp()
    program = lower(graph, unit_device())
    placed = {placement.buffer.name for placement in program.arena}
    views = {s.node.outputs[0] for s in program.steps if s.workload.kind == "reshape"}
    assert views
    assert not placed & views


def test_a_model_larger_than_the_device_does_not_fit() -> None:
    builder = GraphBuilder("large", 1, 1024)
    builder.linear("fc", "x", 2048)
    footprint = lower(builder.done("fc"), unit_device()).footprint
    assert footprint.flash_bytes == 4 * (1024 * 2048 + 2048)
    assert not footprint.fits
    assert lower(one_layer(), unit_device()).footprint.fits


def test_lowering_leaves_the_graph_alone() -> None:
    graph = one_layer(sparsity=0.9)
    before = graph.to_text()
    codes = np.array(graph.nodes[0].op.constants[0].codes)
    lower(graph, unit_device())
    assert graph.to_text() == before
    np.testing.assert_array_equal(graph.nodes[0].op.constants[0].codes, codes)


def shared(values: int) -> Graph:
    """Return an integer layer [8, 64] of so many distinct weights, stored as a codebook."""
    builder = GraphBuilder("one", 1, 64)
    builder.linear("fc", "x", 8)
    graph = builder.done("fc")
    graph = compressors.parse("quantize").apply(graph, Data(x=samples(graph, 8)))
    (node,) = graph.nodes
    weight = node.op.weight
    assert weight is not None
    codes = (np.arange(8 * 64) % values - values // 2).astype(np.int8).reshape(8, 64)
    op = replace(node.op, weight=replace(weight, codes=codes, format=Codebook()))  # pyright: ignore
    return graph.with_ops({node.name: op})  # pyright: ignore[reportUnknownArgumentType]


def test_a_codebook_is_decoded_and_takes_time_and_room() -> None:
    program = lower(shared(16), device("stm32l4r5_tflm"))
    (step,) = program.steps
    assert (step.executed_as, step.types) == ("decoded", "8x8")
    assert "unpacks 8x8 codebook weights to dense" in step.reason
    # 16 values of a byte and 512 indices of 4 bits, not the 512 bytes that they stand for.
    assert step.weight is not None
    assert step.weight.storage_bytes == 16 + 256
    runtime = device("stm32l4r5_tflm").runtime
    code_bytes = runtime.code_bytes + runtime.code_bytes_per_step
    assert program.footprint.flash_bytes == code_bytes + 16 + 256 + 8 * 4
    assert step.scratch_bytes >= 512
    (counts,) = count(program)
    assert counts.decodes == 512
    # Stored bytes are read; unpacked ones are written and read back, beside 64 inputs, 8 outputs.
    assert counts.traffic_bytes == {"flash": 16 + 256 + 8 * 4, "sram": 2 * 512 + 64 + 8}
    (priced,) = price(program, (counts,)).steps
    assert priced.terms_s["decode"] == pytest.approx(4 * 512 / 120e6)


@pytest.mark.parametrize(("values", "executed_as"), [(128, "decoded"), (129, "dense_fallback")])
def test_indices_too_wide_for_a_kernel_are_stored_dense(values: int, executed_as: str) -> None:
    (step,) = lower(shared(values), device("stm32l4r5_tflm")).steps
    assert step.executed_as == executed_as
    if executed_as == "dense_fallback":
        assert "no kernel for codebook weights of linear with 8-bit indices" in step.reason
        assert step.weight is not None
        assert step.weight.storage_bytes == 512


@pytest.mark.parametrize(
    ("spec", "executed_as"),
    [
        ("prune{sparsity=0.8}|quantize{weights=4}|encode{format=relative4}", "native"),
        ("prune{sparsity=0.8}|quantize{weights=4}|encode{format=relative4_codebook}", "native"),
        ("prune{sparsity=0.8}|quantize|encode{format=relative4_huffman}", "decoded"),
        ("prune{sparsity=0.8}|quantize|encode{format=relative8}", "dense_fallback"),
    ],
)
def test_elements_that_walk_gaps_of_four_bits(spec: str, executed_as: str) -> None:
    builder = GraphBuilder("one", 1, 64)
    builder.linear("fc", "x", 8)
    graph = builder.done("fc")
    graph = compressors.parse(spec).apply(graph, Data(x=samples(graph, 8)))
    program = lower(graph, device("sparse_pe64_sim"))
    (step,) = program.steps
    assert step.executed_as == executed_as
    (counts,) = count(program)
    assert step.weight is not None
    if executed_as == "native":
        # Fillers are walked as weights are.
        walked = int(step.weight.format.stored_per_row(step.weight.packed).sum())
        assert counts.macs_executed == walked >= counts.macs_effective > 0
    else:
        assert counts.macs_executed == counts.macs == 512
