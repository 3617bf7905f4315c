"""The supernet: what a subnet inherits, what training shares, what axes mean."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import compressors
from compressors.elastic import Elastic
from compressors.supernet import (
    Architecture,
    Family,
    Supernet,
    cropped,
    initial,
    with_statistics,
)
from compressors.training import Course, Twin
from compressors.training.supernet import Sandwich, SharedTwin, shifted, train_supernet
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.evaluation import evaluate
from hwsim.execute import accuracy
from hwsim.ops import BatchNorm, Conv2d
from hwsim.reference import trace

ELASTIC = Elastic(
    axes={
        "width1": (2, 4),
        "width2": (3, 6),
        "depth1": (1, 2),
        "kernel1_2": (3, 5),
        "kernel2": (1, 3),
    },
    stages=2,
)
FAMILY = Family(input_shape=(6, 6, 1), classes=3, strides=(1, 2))
SANDWICH = Sandwich(largest=ELASTIC.largest, smallest=ELASTIC.smallest, draw=ELASTIC.draw, drawn=1)
COURSE = Course(epochs=30, learning_rate=0.02, optimizer="adam", batch_size=32)


def bars(count: int = 96) -> Data:
    """Return noisy images of a bar: upright, level, or none."""
    rng = np.random.default_rng(5)
    y = np.arange(count) % 3
    x = 0.3 * rng.standard_normal((count, 6, 6, 1))
    for i, label in enumerate(y):
        place = int(rng.integers(6))
        if label == 0:
            x[i, :, place] += 2
        if label == 1:
            x[i, place] += 2
    return Data(x=x.astype(np.float32), y=y)


@cache
def trained() -> Supernet:
    return train_supernet(FAMILY, SANDWICH, bars(), COURSE, 64)


def every() -> list[Architecture]:
    rng = np.random.default_rng(0)
    return [ELASTIC.largest, ELASTIC.smallest, *(ELASTIC.draw(rng) for _ in range(6))]


def test_a_subnet_is_the_corner_of_the_supernet() -> None:
    values = np.arange(4 * 5 * 5 * 3).reshape(4, 5, 5, 3)
    np.testing.assert_array_equal(cropped(values, (2, 3, 3, 1)), values[:2, 1:4, 1:4, :1])
    np.testing.assert_array_equal(cropped(values[:, 0, 0, 0], (3,)), values[:3, 0, 0, 0])
    tensor = torch.tensor(values)
    np.testing.assert_array_equal(cropped(tensor, (2, 3, 3, 1)).numpy(), values[:2, 1:4, 1:4, :1])
    net = trained()
    for architecture in every():
        for node in net.subnet(architecture).nodes:
            if isinstance(node.op, Conv2d):
                whole = net.constants[f"{node.name}.weight"]
                _, kh, kw, _ = node.op.weight.shape
                out, depth = node.op.weight.shape[0], node.op.weight.shape[3]
                top, left = (whole.shape[1] - kh) // 2, (whole.shape[2] - kw) // 2
                np.testing.assert_array_equal(
                    node.op.weight.codes, whole[:out, top : top + kh, left : left + kw, :depth]
                )


def test_a_graph_has_the_shapes_that_were_chosen() -> None:
    graph = FAMILY.graph(Architecture(widths=(2, 6), kernels=((3, 5), (1,))), initial(0))
    shapes = {n.name: n.op.weight.shape for n in graph.nodes if isinstance(n.op, Conv2d)}
    assert shapes == {
        "stem.conv": (2, 3, 3, 1),
        "stage1.block1.conv": (2, 3, 3, 2),
        "stage1.block2.conv": (2, 5, 5, 2),
        "stage2.block1.conv": (6, 1, 1, 2),
    }
    assert graph.tensors[graph.outputs[0]].shape == (1, 3)


@pytest.mark.parametrize("channels", [1, 2])
def test_either_layout_is_the_same_network(channels: int) -> None:
    x = np.random.default_rng(2).standard_normal((4, 6, 6, channels))
    last = replace(FAMILY, input_shape=(6, 6, channels))
    first = replace(last, input_shape=(channels, 6, 6), layout="channels_first")
    outputs = [
        next(iter(trace(family.graph(ELASTIC.largest, initial(3)), images).values()))
        for family, images in ((last, x), (first, x.transpose(0, 3, 1, 2)))
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])


def test_statistics_make_every_norm_standard() -> None:
    # Once gains are 1 and shifts 0, a norm's output has mean 0 and variance 1 on the same inputs.
    x = bars().x
    graph = with_statistics(FAMILY.graph(ELASTIC.largest, initial(1)), x)
    seen: dict[str, Array] = {}
    trace(graph, x, visit=seen.__setitem__)
    norms = [node for node in graph.nodes if isinstance(node.op, BatchNorm)]
    assert len(norms) == 4
    for node in norms:
        y = seen[node.outputs[0]].reshape(-1, seen[node.outputs[0]].shape[-1])
        # Statistics are stored in float32; epsilon is 1e-5 of variances about 1.
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-3)


def test_training_computes_what_is_deployed() -> None:
    # A pass over all inputs as one batch has the statistics that the graph is given.
    module = SharedTwin(FAMILY, ELASTIC.largest, seed=4)
    x = bars().x
    for architecture in every():
        net = Supernet(family=FAMILY, constants=module.constants(), x=x)
        graph = net.subnet(architecture)
        expected = trace(graph, x)[graph.outputs[0]]
        batch = torch.tensor(x[:, None])
        with torch.no_grad():
            got = module(architecture, batch).numpy()
            twin = Twin(graph).eval()(batch).numpy()
        # float32 through at most five layers against float64.
        np.testing.assert_allclose(got, expected.reshape(got.shape), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(twin, expected, rtol=1e-3, atol=1e-4)


def test_equal_seeds_train_the_same() -> None:
    short = replace(COURSE, epochs=2)
    one, two = (train_supernet(FAMILY, SANDWICH, bars(), short, 64) for _ in range(2))
    other = train_supernet(FAMILY, SANDWICH, bars(), replace(short, seed=1), 64)
    for name, values in one.constants.items():
        np.testing.assert_array_equal(values, two.constants[name])
    assert any((values != other.constants[name]).any() for name, values in one.constants.items())


def test_subnets_work_as_they_are() -> None:
    # Three classes: 0.33 is chance.
    scores = {a: accuracy(trained().subnet(a), bars(), "tflite-ref").top1 for a in every()}
    assert scores[ELASTIC.largest] > 0.9
    assert min(scores.values()) > 0.6


def test_what_is_sliced_is_compressed_and_priced() -> None:
    results = [
        evaluate(compressors.parse("quantize").apply(trained().subnet(a), bars()), "stm32l4r5_tflm")
        for a in (ELASTIC.smallest, ELASTIC.largest)
    ]
    assert results[0].latency_s < results[1].latency_s
    assert results[0].flash_bytes < results[1].flash_bytes


def test_axes_are_read_by_stage_and_block() -> None:
    choice = {"width1": 4, "width2": 3, "depth1": 2, "kernel1_2": 5, "kernel2": 1, "bits": 8}
    assert ELASTIC.architecture(choice) == Architecture(widths=(4, 3), kernels=((3, 5), (1,)))
    assert ELASTIC.largest == Architecture(widths=(4, 6), kernels=((3, 5), (3,)))
    assert ELASTIC.smallest == Architecture(widths=(2, 3), kernels=((3,), (1,)))
    # The kernel of a block that is left out means nothing; other axes are left alone.
    shallow = {**choice, "depth1": 1}
    assert ELASTIC.canonical(shallow) == {**shallow, "kernel1_2": 3}
    assert ELASTIC.canonical(choice) == choice


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ({"width1": (4,)}, "expected an axis width2, got none"),
        ({"width1": (4,), "width2": (4,), "width3": (4,)}, "no axis 'width3'; known: width1..2"),
        ({"width1": (4,), "width2": (4,), "heads1": (4,)}, "no axis 'heads1'"),
        ({"width1": (4,), "width2": (4,), "kernel1_2": (3,)}, "no axis 'kernel1_2'"),
        ({"width1": (4,), "width2": (4,), "width1_1": (4,)}, "no axis 'width1_1'"),
        ({"width1": (4,), "width2": (0,)}, "width2 expected whole numbers >= 1, got 0"),
        ({"width1": (4,), "width2": (True,)}, "width2 expected whole numbers >= 1, got True"),
        ({"width1": (4,), "width2": (4,), "kernel1": (4,)}, "kernel1 expected odd numbers, got 4"),
    ],
)
def test_axes_of_mistakes_are_refused(axes: dict[str, tuple[int, ...]], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Elastic(axes=axes, stages=2)


def test_training_needs_labels_of_the_family() -> None:
    with pytest.raises(RecipeError, match="expected labels, got none"):
        train_supernet(FAMILY, SANDWICH, replace(bars(), y=None), COURSE, 64)
    family = replace(FAMILY, classes=2)
    with pytest.raises(RecipeError, match=r"expected labels 0\.\.1, got 0\.\.2"):
        train_supernet(family, SANDWICH, bars(), COURSE, 64)


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_shifted_images_are_the_same_images_elsewhere(layout: str) -> None:
    # A network that sees one bright pixel wherever it lies: moved by a shift, it only moves.
    image = torch.zeros(1, 1, 6, 6, 1)
    image[0, 0, 2, 3, 0] = 1.0
    family = FAMILY
    if layout == "channels_first":
        image = image.permute(0, 1, 4, 2, 3)
        family = replace(FAMILY, input_shape=(1, 6, 6), layout="channels_first")
    places = set[tuple[int, int]]()
    for seed in range(60):
        moved = shifted(image, family, 1, np.random.default_rng(seed))
        assert moved.shape == image.shape
        place = int(moved.flatten().argmax())
        places.add((place // 6 - 2, place % 6 - 3))
    assert places == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
