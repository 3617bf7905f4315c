"""Counts, checked by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.arrays import IntArray
from hwsim.cost import count
from hwsim.formats import NM, Bitmask, Dense, Format
from hwsim.graph import Graph, Node
from hwsim.lower import lower
from hwsim.numerics import Quant
from hwsim.ops import Linear
from hwsim.profile import Tile
from hwsim.records import Counts
from hwsim.tensor import TensorType, Weight
from tests.devices import unit_device
from tests.graphs import GraphBuilder

UNIT = Quant(scale=(1.0,))


def layer(codes: object, format_: Format, positions: int = 1) -> Graph:
    """Return an integer linear layer over [1, positions, columns]."""
    weight = Weight(codes=np.array(codes, np.int8), quant=UNIT, format=format_)
    rows, columns = weight.shape
    node = Node(name="fc", op=Linear(weight=weight), inputs=("x",), outputs=("fc",))
    return Graph(
        name="layer",
        inputs=("x",),
        outputs=("fc",),
        tensors={
            "x": TensorType(shape=(1, positions, columns), quant=UNIT),
            "fc": TensorType(shape=(1, positions, rows), quant=UNIT),
        },
        nodes=(node,),
    )


def counted(graph: Graph, tile: Tile | None = None) -> Counts:
    (counts,) = count(lower(graph, unit_device(tile)))
    return counts


def test_dense_extents_are_rounded_up_to_the_tile() -> None:
    builder = GraphBuilder("conv", 1, 3, 3, 2)
    builder.conv("c", "x", 10)
    counts = counted(builder.done("c"), Tile(m=4, n=2, k=4))
    # 10 channels -> 12, 9 positions -> 10, 3 x 3 x 2 = 18 weights -> 20.
    assert counts.macs == 10 * 9 * 18
    assert counts.macs_issued == 12 * 10 * 20
    assert counts.macs_padding == 12 * 10 * 20 - 10 * 9 * 18
    assert counts.taps == 9 * 9
    assert (counts.outputs, counts.inputs) == (90, 18)


def test_depthwise_lanes_lie_across_channels() -> None:
    builder = GraphBuilder("depthwise", 1, 3, 3, 6)
    builder.conv("d", "x", 6, groups=6)
    counts = counted(builder.done("d"), Tile(m=4))
    # 6 channels -> 8; the 9 taps and 9 positions are not rounded.
    assert counts.macs_issued == 8 * 9 * 9
    assert counts.macs == 6 * 9 * 9


def test_lanes_of_a_walking_kernel_wait_for_the_fullest() -> None:
    codes = [[1, 2, 3, 0], [0, 0, 4, 0], [5, 0, 6, 0]]
    counts = counted(layer(codes, Bitmask(), positions=5), Tile(m=2, k=2))
    # Stored per row 3, 1, 2 -> steps of two: 4, 2, 2. Lanes (4, 2) wait for 4; (2, -) for 2.
    assert counts.macs_executed == counts.macs_effective == 6 * 5
    assert counts.macs_padding == (8 - 6) * 5
    assert counts.macs_idle == ((4 - 2) + 2) * 5
    assert counts.macs_issued == (4 + 2) * 2 * 5
    assert counts.nonzeros == 6 * 5


def test_a_tile_of_positions_walks_the_weights_once() -> None:
    codes = [[1, 2, 3, 0], [0, 0, 4, 0], [5, 0, 6, 0]]
    counts = counted(layer(codes, Bitmask(), positions=5), Tile(n=4))
    assert counts.nonzeros == 6 * 2
    assert counts.macs_issued == 6 * 8


def test_n_of_m_stores_places_for_zeros_too() -> None:
    codes = [[0, 7, 0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0, 3]]
    graph = layer(codes, NM(2, 4))
    counts = counted(graph)
    assert counts.macs_effective == 4
    assert counts.macs_executed == 8


def test_weights_and_activations_move_once_at_home() -> None:
    counts = counted(layer(np.ones((3, 4)), Dense(), positions=5))
    assert counts.traffic_bytes == {"ram": 5 * 4 + 5 * 3, "flash": 12}


matrices = hnp.arrays(
    np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-2, 2)
)
tiles = st.builds(Tile, m=st.integers(1, 5), n=st.integers(1, 3), k=st.integers(1, 4))


@given(codes=matrices, tile=tiles, positions=st.integers(1, 4))
def test_walked_slots_equal_a_walk_lane_by_lane(
    codes: IntArray, tile: Tile, positions: int
) -> None:
    counts = counted(layer(codes, Bitmask(), positions), tile)
    cycles = 0
    for start in range(0, len(codes), tile.m):
        longest = 0
        for row in codes[start : start + tile.m]:
            stored, steps = int((row != 0).sum()), 0
            while stored > 0:
                stored -= tile.k
                steps += tile.k
            longest = max(longest, steps)
        cycles += longest
    rounds = len(range(0, positions, tile.n)) * tile.n
    assert counts.macs_issued == cycles * tile.m * rounds
    assert min(counts.macs_executed, counts.macs_padding, counts.macs_idle) >= 0


@given(codes=matrices, tile=tiles)
def test_one_more_zero_never_costs_more(codes: IntArray, tile: Tile) -> None:
    at = np.unravel_index(int(np.abs(codes).argmax()), codes.shape)
    sparser = codes.copy()
    sparser[at] = 0
    before, after = (counted(layer(c, Bitmask()), tile) for c in (codes, sparser))
    assert after.macs_issued <= before.macs_issued
    assert after.macs_effective <= before.macs_effective
