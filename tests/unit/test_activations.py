"""Zeros among the activations of real samples, and what kernels make of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

import compressors
from hwsim.activations import SAMPLES, Activations, activations_of, with_noted
from hwsim.arrays import Array
from hwsim.cost import count, patterns
from hwsim.data import Data
from hwsim.evaluation import estimate, evaluate
from hwsim.formats import Dense
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.ops import Conv2d
from hwsim.profile import DeviceProfile, Memory, Tile, device
from hwsim.program import Program
from tests.devices import unit_device
from tests.graphs import GraphBuilder, residual, run_integers, samples

ACCELERATORS = ("dual_side_tensor_core_sim", "eie_sim", "eyeriss_v2_sim", "scnn_sim")


def integer(graph: Graph, sparsity: float = 0.8) -> Graph:
    recipe = f"prune{{structure=unstructured,sparsity={sparsity}}}|quantize{{weights=8}}"
    return compressors.parse(recipe).apply(graph, Data(x=samples(graph, 8)))


def strided(groups: int = 1) -> Graph:
    """Return a strided, padded and dilated convolution behind a clamp."""
    b = GraphBuilder("strided", 1, 7, 6, 4)
    first = b.relu("relu", b.conv("first", "x", 4))
    settings: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 2), "padding": ((1, 0), (2, 1))}
    return b.done(b.conv("second", first, 8, 3, groups=groups, **settings))


def gating() -> DeviceProfile:
    return unit_device(rule={"zeros": "gate"})


def test_masks_are_those_of_a_run_of_the_integers() -> None:
    graph = integer(strided())
    data = Data(x=samples(graph, 20))
    program = lower(graph, gating())
    seen = activations_of(program, data)
    assert seen is not None
    assert seen.samples == SAMPLES == 8
    codes = run_integers(graph, data.x[:SAMPLES])
    assert set(seen.masks) == {"x", "relu"}
    for tensor, mask in seen.masks.items():
        quant = graph.tensors[tensor].quant
        assert quant is not None
        np.testing.assert_array_equal(mask, codes[tensor] != quant.zero_point[0])


def test_nothing_is_run_where_nobody_looks() -> None:
    graph = integer(strided())
    data = Data(x=np.zeros((3, 1)))  # Would not fit.
    assert activations_of(lower(graph, unit_device()), data) is None
    assert activations_of(lower(graph, gating()), None) is None


def products(op: Conv2d, mask: Array) -> int:
    """Return the products of two non-zeros, one by one, of one image [height, width, channels]."""
    weights = op.weight.nonzero.reshape(op.weight.shape)
    (_, rows, columns, outs) = op.infer((1, *mask.shape))[0]
    found, per_group = 0, outs // op.groups
    for i, j, out in product(range(rows), range(columns), range(outs)):
        for y, x, c in product(*(range(extent) for extent in op.weight.shape[1:])):
            down = i * op.stride[0] + y * op.dilation[0] - op.padding[0][0]
            right = j * op.stride[1] + x * op.dilation[1] - op.padding[1][0]
            inside = 0 <= down < mask.shape[0] and 0 <= right < mask.shape[1]
            channel = out // per_group * op.weight.shape[3] + c
            found += bool(inside and weights[out, y, x, c] and mask[down, right, channel])
    return found


def second(program: Program) -> tuple[Conv2d, int]:
    (at,) = (at for at, step in enumerate(program.steps) if step.node.name == "second")
    op = program.steps[at].node.op
    assert isinstance(op, Conv2d)
    return op, at


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("name", ["gate", "eie_sim", "eyeriss_v2_sim", "dual_side_tensor_core_sim"])
def test_products_of_two_non_zeros_are_executed(name: str, groups: int) -> None:
    profile = gating() if name == "gate" else device(name)
    program = lower(integer(strided(groups)), profile)
    seen = activations_of(program, Data(x=samples(program.graph, 3)))
    assert seen is not None
    op, at = second(program)
    counts = count(program, seen)[at]
    found = [products(op, mask[0]) for mask in seen.masks["relu"]]
    assert counts.macs_executed == (2 * sum(found) + 3) // 6
    if name == "gate":
        assert counts.macs_executed + counts.macs_gated == counts.macs_effective


@pytest.mark.parametrize("name", ACCELERATORS)
def test_zeros_of_activations_save_work(name: str) -> None:
    graph = integer(residual())
    program = lower(graph, device(name))
    seen = activations_of(program, Data(x=samples(graph, 4)))
    for blind, done in zip(count(program), count(program, seen), strict=True):
        assert done.macs_executed <= blind.macs_executed
        assert done.macs_effective == blind.macs_effective
    assert sum(done.macs_executed for done in count(program, seen)) < sum(
        done.macs_executed for done in count(program)
    )


@pytest.mark.parametrize("name", ACCELERATORS)
def test_activations_without_zeros_cost_what_unknown_ones_do(name: str) -> None:
    b = GraphBuilder("plain", 1, 6, 5, 4)
    graph = integer(b.done(b.conv("c", "x", 8, kernel=1)))
    program = lower(graph, device(name))
    seen = Activations(samples=2, masks={"x": np.ones((2, 1, 6, 5, 4), bool)})
    assert count(program, seen) == count(program)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_loop_may_look_at_activations(groups: int) -> None:
    rule = {"zeros": "check_activations", "formats": {"dense": "native"}}
    program = lower(integer(strided(groups)), unit_device(Tile(m=3), rule=rule))
    seen = activations_of(program, Data(x=samples(program.graph, 3)))
    assert seen is not None
    op, at = second(program)
    ones = replace(op, weight=replace(op.weight, codes=np.ones_like(op.weight.codes)))
    blind, counts = count(program)[at], count(program, seen)[at]
    found = [products(ones, mask[0]) // (8 // groups) for mask in seen.masks["relu"]]
    executed = (2 * sum(found) + 3) // 6 * (8 // groups)
    assert counts.macs_executed == executed < blind.macs_executed == blind.macs
    # Rows of each group are rounded up to three; each tile of them looks anew.
    tiles = -(-(8 // groups) // 3)
    assert counts.macs_issued * (8 // groups) == executed * tiles * 3
    depth = op.weight.matrix.shape[1]
    assert counts.checks == blind.checks == counts.positions * groups * depth * tiles


def test_activations_that_are_looked_at_are_read_once() -> None:
    rule = {"zeros": "check_activations", "formats": {"dense": "native"}}
    near = {"l1": Memory(size_bytes=1024, pj_per_byte=0.0)}
    program = lower(integer(strided(1)), unit_device(Tile(m=3), rule=rule, caches=near))
    seen = activations_of(program, Data(x=samples(program.graph, 3)))
    _, at = second(program)
    counts = count(program, seen)[at]
    # Codes of a byte: a weight for each slot, each activation per tile of channels, the result.
    read = counts.macs_issued + counts.checks
    assert counts.traffic_bytes["l1"] == read + counts.outputs


def test_large_layers_are_looked_at_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    b = GraphBuilder("large", 1, 40, 40, 4)
    graph = integer(b.done(b.conv("c", "x", 4, kernel=1)), 0.5)
    program = lower(graph, gating())
    mask = np.random.default_rng(0).random((2, 1, 40, 40, 4)) < 0.5
    seen = Activations(samples=2, masks={"x": mask})
    (whole,) = count(program, seen)
    monkeypatch.setattr(patterns, "MOST_SEEN", 2 * 4 * 640)
    (part,) = count(program, seen)
    assert part == count(program, seen)[0]
    assert part.macs_executed + part.macs_gated == whole.macs_effective
    # 640 of 1600 positions, each a sum of 4 activations with a spread of half its mean.
    assert part.macs_executed == pytest.approx(whole.macs_executed, rel=0.06)
    assert part.macs_executed != whole.macs_executed


def test_reasons_say_what_was_known() -> None:
    graph = integer(residual())
    program = lower(graph, device("eie_sim"))
    data = Data(x=samples(graph, 3))
    noted = with_noted(program, activations_of(program, data))
    for step, before in zip(noted.steps, program.steps, strict=True):
        is_layer = step.weight is not None
        note = "; activation zeros of 3 samples" if is_layer else ""
        assert step.reason == before.reason + note
    blind = estimate(graph, device("eie_sim"))
    assert "; no data: activations count as non-zero" in blind.steps[0].reason
    plain = estimate(graph, device("sparse_pe64_sim"), data)
    assert plain == estimate(graph, device("sparse_pe64_sim"))


def test_evaluation_uses_the_zeros_of_unlabelled_data() -> None:
    graph = integer(residual())
    data = Data(x=samples(graph, 3))
    seen = evaluate(graph, "eie_sim", data)
    assert seen.accuracy is None
    assert seen.latency_s < evaluate(graph, "eie_sim").latency_s
    assert seen.latency_s == estimate(graph, device("eie_sim"), data).latency_s


def test_dense_weights_meet_zero_activations() -> None:
    b = GraphBuilder("dense", 1, 4, 4, 3)
    graph = compressors.parse("quantize{weights=8}").apply(
        b.done(b.conv("c", "x", 4, kernel=1)), Data(x=np.ones((2, 4, 4, 3)))
    )
    (node,) = graph.nodes
    assert node.op.weight is not None
    assert node.op.weight.format == Dense()
    program = lower(graph, device("eie_sim"))
    mask = np.zeros((1, 1, 4, 4, 3), bool)
    mask[..., 0] = True
    (counts,) = count(program, Activations(samples=1, masks={"x": mask}))
    assert counts.macs_executed == 16 * 4
