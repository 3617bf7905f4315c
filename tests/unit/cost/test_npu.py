"""What a block-based array of multipliers adds to counts and prices, checked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.cost import count, price
from hwsim.cost.terms import TERMS, hidden_terms
from hwsim.evidence.design import sample
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.evidence.networks import network
from hwsim.formats import Dense
from hwsim.graph import Graph, Node
from hwsim.lower import lower
from hwsim.numerics import Quant
from hwsim.ops import Conv2d
from hwsim.profile import Cycles, DeviceProfile, Tile
from hwsim.profile.runtime import WeightCoding
from hwsim.tensor import TensorType, Weight
from tests.devices import unit_device
from tests.unit.cost.test_count import counted, layer
from tests.unit.cost.test_price import priced, with_hardware

UNIT = Quant(scale=(1.0,))
SPACE = (1, 6, 5)


def conv(out: int, channels: int, window: int = 3, space: Sequence[int] = SPACE) -> Graph:
    """Return an integer convolution that keeps the size of a map [1, height, width]."""
    side = (window // 2, window // 2)
    codes = np.arange(out * window * window * channels, dtype=np.int64) % 127 + 1
    weight = Weight(codes=codes.astype(np.int8).reshape(out, window, window, channels), quant=UNIT)
    node = Node(
        name="conv", op=Conv2d(weight=weight, padding=(side, side)), inputs=("x",), outputs=("y",)
    )
    shapes = {"x": (*space, channels), "y": (*space, out)}
    return Graph(
        name="conv",
        inputs=("x",),
        outputs=("y",),
        tensors={name: TensorType(shape=shape, quant=UNIT) for name, shape in shapes.items()},
        nodes=(node,),
    )


def with_rule(profile: DeviceProfile, **changes: object) -> DeviceProfile:
    """Return `profile` with other attributes of the kernel of heavy ops."""
    kernels = dict(profile.runtime.kernels)
    kernels["heavy"] = kernels["heavy"].model_copy(update=changes)
    runtime = profile.runtime.model_copy(update={"kernels": kernels})
    return profile.model_copy(update={"runtime": runtime})


@pytest.mark.parametrize(
    ("tile", "positions"),
    [
        (Tile(n=4), 32),  # 6 x 5 = 30 in a row.
        (Tile(n=4, height=1), 6 * 8),  # Each row of 5 for itself.
        (Tile(n=2, height=4), 8 * 6),
        (Tile(n=5, height=6), 30),
    ],
)
def test_rows_and_columns_of_the_map_are_rounded_up_apart(tile: Tile, positions: int) -> None:
    assert counted(conv(2, 3), tile).macs_issued == 2 * 27 * positions


@pytest.mark.parametrize(
    ("tile", "depth"),
    [
        (Tile(k=8), 32),  # 3 x 3 x 3 = 27 at once.
        (Tile(k=8, taps=1), 9 * 8),
        (Tile(k=2, taps=4), 12 * 4),
        (Tile(k=3, taps=9), 27),
    ],
)
def test_window_and_channels_are_rounded_up_apart(tile: Tile, depth: int) -> None:
    assert counted(conv(2, 3), tile).macs_issued == 2 * depth * 30


def test_of_two_orders_the_one_that_issues_less_is_taken() -> None:
    depth_first, four_taps = Tile(k=32, taps=1), Tile(k=8, taps=4)
    profile = with_rule(unit_device(depth_first), other_tiles=(four_taps,))
    for channels, depth in ((3, 12 * 8), (16, 12 * 16), (32, 9 * 32)):
        (counts,) = count(lower(conv(2, channels), profile))
        assert counts.macs_issued == 2 * depth * 30


@pytest.mark.parametrize(
    ("cycles", "terms"),
    [
        # 16 products, 4 outputs, 16 bytes of weights.
        (Cycles(per_mac=1, per_output=3, per_weight_byte=0.5), {"mac": 16}),
        (Cycles(per_mac=1, per_output=5, per_weight_byte=0.5), {"mac": 16, "output": 4}),
        (
            Cycles(per_mac=1, per_output=5, per_weight_byte=2),
            {"mac": 16, "output": 4, "weights": 12},
        ),
        (Cycles(per_output=1, per_weight_byte=1), {"output": 4, "weights": 12}),
    ],
)
def test_of_stages_side_by_side_the_slowest_counts(cycles: Cycles, terms: dict[str, float]) -> None:
    profile = with_rule(unit_device(cycles=cycles), pipelined=True)
    assert priced(layer(np.ones((4, 4)), Dense()), profile).terms_s == terms


def test_hidden_are_all_stages_but_the_slowest() -> None:
    cycles = dict.fromkeys((term.name for term in TERMS), 0.0)
    assert hidden_terms(cycles | {"mac": 2.0, "tile_padding": 2.0, "output": 3.0}) == (
        "output",
        "weights",
    )
    assert "output" not in hidden_terms(cycles | {"mac": 2.0, "output": 3.0})


@pytest.mark.parametrize(("rate", "traffic"), [(0.1, {"traffic:flash": 160 - 23}), (10.0, {})])
def test_transfers_run_beside_the_filling_of_a_pipeline(
    rate: float, traffic: dict[str, float]
) -> None:
    profile = unit_device(cycles=Cycles(per_mac=1, per_call=7), overlaps_memory=True)
    memories = dict(profile.hardware.memories)
    memories["flash"] = memories["flash"].model_copy(update={"bytes_per_cycle": rate})
    profile = with_rule(with_hardware(profile, memories=memories), pipelined=True)
    step = priced(layer(np.ones((4, 4)), Dense()), profile)
    assert step.terms_s == pytest.approx({"mac": 16, "call": 7} | traffic)


@pytest.mark.parametrize(("access", "size"), [(1, 30 * (3 + 18)), (16, 30 * (16 + 32))])
def test_the_channels_of_a_position_move_in_whole_accesses(access: int, size: int) -> None:
    profile = unit_device()
    memories = dict(profile.hardware.memories)
    memories["ram"] = memories["ram"].model_copy(update={"access_bytes": access})
    (counts,) = count(lower(conv(18, 3), with_hardware(profile, memories=memories)))
    assert counts.traffic_bytes["ram"] == size


@pytest.mark.parametrize(
    ("codes", "bits"),
    [
        (np.ones((4, 8)), 0.0),
        (np.tile([1, -1], (4, 4)), 32.0),  # One bit each.
        (np.arange(32).reshape(4, 8), 5 * 32.0),
        (np.tile([0, 0, 0, 1], (4, 2)), 32 * 0.8112781244591328),
    ],
)
def test_coded_weights_take_their_entropy(codes: Array, bits: float) -> None:
    weight = Weight(codes=codes.astype(np.int8), quant=UNIT)
    assert weight.entropy_bits == pytest.approx(bits)
    coding = WeightCoding(entropy_factor=1.5, bytes_per_channel=10)
    program = lower(layer(codes, Dense()), unit_device(weight_coding=coding))
    coded = int(np.ceil(1.5 * bits / 8 + 10 * 4))
    assert count(program)[0].traffic_bytes["flash"] == coded
    assert program.footprint.flash_bytes == coded
    # The decoder gives all of them to the multipliers.
    assert count(program)[0].weight_bytes == 32


@pytest.mark.parametrize(
    ("macs", "channels", "ratio"),
    [(128, 8, 1.88), (128, 16, 1.47), (128, 17, 1.0), (256, 8, 1.79), (256, 16, 1.44)],
)
def test_one_channel_more_costs_a_block_of_eight(macs: int, channels: int, ratio: float) -> None:
    """From 16 to 17 channels, three blocks follow two: half as much again, not twice."""
    profile = hwsim.device(f"ethos_u55_{macs}_vela")
    now, more = (
        price(program, count(program)).latency_s
        for out in (channels, channels + 1)
        if (program := lower(conv(out, 16, space=(1, 32, 32)), profile))
    )
    assert more / now == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize("name", ["ethos_u55_128_vela", "ethos_u55_256_vela"])
def test_a_fit_sees_the_price_of_a_pipelined_kernel(name: str) -> None:
    (row,) = (
        row
        for row in read_measurements(FOLDER / "vela.csv")
        if (row.profile, row.network) == (name, "mlperf_kws")
    )
    program = lower(network(row.network, row.types), hwsim.device(name))
    seconds = price(program, count(program)).latency_s
    constants = program.profile.runtime.constants
    assert sample(row).predict(constants, 1.0) == pytest.approx(seconds)
