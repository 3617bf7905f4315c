"""Layers on devices whose kernels are scheduled as an accelerator does it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from hwsim.accelerators import ACCELERATORS, Mask, Walk
from hwsim.cost import count, price
from hwsim.formats import Csr, Dense, Format
from hwsim.graph import Graph, Node
from hwsim.lower import lower
from hwsim.numerics import Quant
from hwsim.ops import Conv2d, Linear
from hwsim.profile import device
from hwsim.tensor import TensorType, Weight

UNIT = Quant(scale=(1.0,))
SCHEDULED = sorted(
    path.stem
    for path in Path(str(files("device_profiles"))).glob("*.yaml")
    if "schedule:" in path.read_text(encoding="utf-8")
)
every = pytest.mark.parametrize("name", SCHEDULED)


def graph(op: Conv2d | Linear, shape: tuple[int, ...]) -> Graph:
    types = {"x": TensorType(shape=shape, quant=UNIT)}
    types["y"] = TensorType(shape=op.infer(shape)[0], quant=UNIT)
    node = Node(name="layer", op=op, inputs=("x",), outputs=("y",))
    return Graph(name="net", inputs=("x",), outputs=("y",), tensors=types, nodes=(node,))


def weight(mask: Mask, format_: Format) -> Weight:
    return Weight(codes=mask.astype(np.int8), quant=UNIT, format=format_)


def pattern(*shape: int) -> Mask:
    return np.random.default_rng(0).random(shape) < 0.3


def check(name: str, net: Graph, walk: Walk) -> None:
    """Hold counts and cycles of the device's one layer against a walk."""
    program = lower(net, device(name))
    (counts,) = count(program)
    # Products beyond the layer's own are thrown away.
    own = counts.macs_effective if program.steps[0].is_walked else counts.macs
    assert counts.macs_executed == min(walk.macs_executed, own)
    assert counts.macs_executed + counts.macs_padding == walk.macs_executed + walk.filler
    assert counts.macs_idle == walk.idle
    (step,) = price(program, (counts,)).steps
    terms = ("mac", "tile_padding", "imbalance", "gated")
    terms_s = (step.terms_s.get(term, 0.0) for term in terms)
    # Profiles write 1 / multipliers with nine digits.
    assert sum(terms_s) * program.profile.hardware.clock_hz == pytest.approx(walk.cycles, rel=1e-8)


def test_lanes_belong_to_channels_only_where_elements_do() -> None:
    net = graph(Linear(weight=weight(pattern(16, 40), Csr())), (3, 40))
    tiles = {"eie_sim": 64, "pe_array_sim": 1, "scnn_sim": 1, "sparse_pe64_sim": 64}
    for name, lanes in tiles.items():
        program = lower(net, device(name))
        (step,) = price(program, count(program)).steps
        assert step.channel_tile == (1, lanes)


@every
def test_a_linear_layer_is_walked(name: str) -> None:
    mask = pattern(80, 40)
    accelerator = device(name).runtime.kernels["walk"].accelerator
    assert accelerator is not None
    walk = accelerator.walk(mask, np.ones((6, 40), bool))
    check(name, graph(Linear(weight=weight(mask, Csr())), (1, 6, 40)), walk)


@every
def test_dense_weights_have_no_zeros(name: str) -> None:
    mask = pattern(80, 40)
    accelerator = device(name).runtime.kernels["walk"].accelerator
    assert accelerator is not None
    walk = accelerator.walk(np.ones((80, 40), bool), np.ones((6, 40), bool))
    check(name, graph(Linear(weight=weight(mask, Dense())), (1, 6, 40)), walk)


@every
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_walked_as_patches_or_as_its_image(name: str, stride: int) -> None:
    mask = pattern(16, 3, 3, 8)
    op = Conv2d(weight=weight(mask, Csr()), stride=(stride, stride), padding=((1, 1), (1, 1)))
    net = graph(op, (1, 10, 7, 8))
    accelerator = device(name).runtime.kernels["walk"].accelerator
    assert accelerator is not None
    positions = net.tensors["y"].elements // 16
    seen = (10, 7, 8) if accelerator.reads_image else (positions, 72)
    check(name, net, accelerator.walk(mask.reshape(16, 72), np.ones(seen, bool)))


@every
def test_a_depthwise_layer_keeps_its_channels_apart(name: str) -> None:
    mask = pattern(8, 3, 3, 1)
    op = Conv2d(weight=weight(mask, Csr()), groups=8, padding=((1, 1), (1, 1)))
    whole = np.zeros((8, 9, 8), bool)
    whole[np.arange(8), :, np.arange(8)] = mask.reshape(8, 9)
    accelerator = device(name).runtime.kernels["walk"].accelerator
    assert accelerator is not None
    seen = (6, 6, 8) if accelerator.reads_image else (36, 72)
    walk = accelerator.walk(whole.reshape(8, 72), np.ones(seen, bool))
    check(name, graph(op, (1, 6, 6, 8)), walk)


def test_products_that_a_stride_throws_away_are_no_zeros_of_a_format() -> None:
    # Every pixel meets every weight, and one of four products is one of the layer's own.
    op = Conv2d(weight=weight(pattern(16, 1, 1, 8), Csr()), stride=(2, 2))
    program = lower(graph(op, (1, 8, 8, 8)), device("scnn_sim"))
    (counts,) = count(program)
    assert counts.macs_executed == counts.macs_effective
    assert counts.macs_padding >= 3 * counts.macs_effective


def test_every_accelerator_has_a_profile() -> None:
    schedules = {device(name).runtime.kernels["walk"].schedule for name in SCHEDULED}
    assert schedules == {kind.name for kind in ACCELERATORS}
