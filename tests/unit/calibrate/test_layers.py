from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.calibrate.layers import TYPES, Layer, make_plan
from hwsim.calibrate.networks import NETWORKS, whole_network
from hwsim.calibrate.one_layer import graph_of
from hwsim.interchange import load, save

PLAN = make_plan(0)
EVERY_KIND = tuple({(layer.kind, layer.types): layer for layer in PLAN.training}.values())


def shapes(layers: tuple[Layer, ...]) -> set[Layer]:
    return {replace(layer, types="") for layer in layers}


def test_a_seed_gives_one_plan() -> None:
    assert make_plan(3) == make_plan(3)
    assert make_plan(3) != make_plan(4)


@pytest.mark.parametrize("seed", range(5))
def test_no_shape_is_both_trained_on_and_held_out(seed: int) -> None:
    plan = make_plan(seed)
    assert not shapes(plan.training) & shapes(plan.held_out)


def test_each_kind_is_trained_on_and_held_out_in_all_types() -> None:
    training, held_out = (
        Counter((layer.kind, layer.types) for layer in layers)
        for layers in (PLAN.training, PLAN.held_out)
    )
    assert training.keys() == held_out.keys()
    assert {types for _, types in training} == set(TYPES)
    assert all(training[kind] > held_out[kind] for kind in training)


def test_a_share_of_a_plan_still_has_each_kind() -> None:
    small = make_plan(0, share=0.01)
    assert {layer.kind for layer in small.training} == {layer.kind for layer in PLAN.training}
    assert len(small.training) < len(PLAN.training) / 5


@pytest.mark.parametrize("layer", EVERY_KIND, ids=lambda layer: layer.name)
def test_a_layer_is_the_work_that_it_says(layer: Layer) -> None:
    graph = graph_of(layer)
    (node,) = graph.nodes
    work = graph.workload(node)
    assert work.kind == layer.kind
    if work.macs:
        assert work.macs == layer.macs


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize("layer", EVERY_KIND, ids=lambda layer: layer.name)
def test_files_hold_every_layer(layer: Layer, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"layer{suffix}"
    save(graph_of(layer), path)
    # Codes that are clipped alone are no layer that we read from ONNX.
    if (layer.kind, layer.types) != ("relu", "8x8"):
        kinds = {node.op.kind for node in load(path).nodes}
        # A global average is what ONNX calls a mean over the image.
        assert kinds & {graph_of(layer).nodes[0].op.kind, "average_pool2d"}


def test_layers_in_a_row_feed_each_other() -> None:
    graph = graph_of(Layer(kind="tanh", types="f32", size=2, channels=8, out=8), copies=4)
    assert [node.inputs for node in graph.nodes] == [("x0",), ("y0",), ("y1",), ("y2",)]


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("mlperf")])
def test_files_hold_the_small_networks(name: str, types: str, tmp_path: Path) -> None:
    save(whole_network(name, types), tmp_path / "network.tflite")
