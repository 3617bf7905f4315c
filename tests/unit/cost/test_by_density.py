"""What densities alone predict: right on average over patterns, and blind to each."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

from hwsim.activations import Activations
from hwsim.arrays import Array
from hwsim.cost import count, count_by_density
from hwsim.formats import NM, Bitmask, Block, Codebook, Dense, Format
from hwsim.lower import lower
from hwsim.profile import Tile, device
from hwsim.program import Program
from tests.devices import unit_device
from tests.unit.cost.test_count import layer
from tests.unit.cost.test_gathers import CACHES

ROWS, K, DENSITY, PATTERNS = 22, 37, 0.3, 60


def program(mask: Array, format_: Format, tile: Tile, rule: dict[str, Any]) -> Program:
    caches = CACHES if rule.get("gathers") else None
    return lower(layer(mask, format_, 3), unit_device(tile, rule=rule, caches=caches))


RULES: list[tuple[Tile, dict[str, Any], Format]] = [
    (Tile(m=8), {}, Bitmask()),
    (Tile(m=4, k=4, n=2), {}, Bitmask()),
    (Tile(m=4), {"zeros": "check"}, Dense()),
    (Tile(), {"skips_vectors": 4}, Dense()),
    (Tile(m=4), {"skips_vectors": 3}, Bitmask()),
    (Tile(), {"workers": 4}, Bitmask()),
    (Tile(), {"workers": 4, "scheduling": "queue", "skips_vectors": 2}, Bitmask()),
    (Tile(m=2), {"workers": 3, "scheduling": "chunked", "chunk": 2}, Bitmask()),
    (Tile(m=2), {"gathers": True}, Bitmask()),
    (Tile(m=2), {"zeros": "gate"}, Dense()),
]


@pytest.mark.parametrize(("tile", "rule", "format_"), RULES)
def test_the_mean_over_patterns_is_predicted(
    tile: Tile, rule: dict[str, Any], format_: Format
) -> None:
    exact: list[tuple[int, ...]] = []
    expected: list[tuple[int, ...]] = []
    for seed in range(PATTERNS):
        mask = np.random.default_rng(seed + 1).random((ROWS, K)) < DENSITY
        made = program(mask, format_, tile, rule)
        for rows, done in ((exact, count(made)), (expected, count_by_density(made))):
            (one,) = done
            misses = sum(one.gather_misses.values())
            rows.append((one.macs_issued, one.macs_executed, one.macs_gated, one.gathers, misses))
    for real, predicted in zip(zip(*exact, strict=True), zip(*expected, strict=True), strict=True):
        # Four standard errors of either mean, and half a slot of rounding per tile of positions;
        # one drawn mask stands for all where no formula does.
        spread = stdev(real)
        slack = 2 if (rule.get("workers") and tile.m > 1) or rule.get("gathers") else 0
        bound = 4 * (spread + stdev(predicted)) / PATTERNS**0.5 + slack * spread + 6
        assert mean(predicted) == pytest.approx(mean(real), abs=bound)


def test_rows_of_equal_work_are_better_than_their_density() -> None:
    balanced = np.tile(np.arange(K) % 4 == 0, (ROWS, 1))
    (exact,), (expected,) = (
        counts(program(balanced, Bitmask(), Tile(m=11), {})) for counts in (count, count_by_density)
    )
    assert exact.macs_idle == 0 < expected.macs_idle
    assert exact.macs_executed == expected.macs_executed


def test_one_full_row_is_worse_than_its_density() -> None:
    crooked = np.zeros((ROWS, K), bool)
    crooked[0] = True
    (exact,), (expected,) = (
        counts(program(crooked, Bitmask(), Tile(m=11), {})) for counts in (count, count_by_density)
    )
    assert exact.macs_idle > 2 * expected.macs_idle


@pytest.mark.parametrize("format_", [Dense(), NM(2, 4), Block(4, 4), Codebook()])
def test_where_the_format_says_where_zeros_lie_they_stay(format_: Format) -> None:
    # Two of sixteen blocks, and two of four.
    mask = np.zeros((16, 16), np.int8)
    mask[1, 2], mask[6, 7:9] = 1, 1
    formats = {"dense": "native", format_.name: "native"}
    made = program(mask, format_, Tile(m=8), {"formats": formats})
    assert count_by_density(made) == count(made)


def test_nothing_to_walk_is_nothing_to_expect() -> None:
    made = program(np.zeros((4, 4)), Bitmask(), Tile(m=4), {})
    assert count_by_density(made) == count(made)


@pytest.mark.parametrize("name", ["eie_sim", "scnn_sim", "eyeriss_v2_sim"])
def test_an_accelerator_walks_masks_of_the_same_density(name: str) -> None:
    rng = np.random.default_rng(3)
    made = lower(layer(rng.random((64, 64)) < DENSITY, Bitmask(), 9), device(name))
    # Channels that are full or empty: what no density tells.
    mask = np.tile(np.arange(64) % 2 == 0, (2, 1, 9, 1))
    seen = Activations(samples=2, masks={"x": mask})
    (exact,), (expected,) = (counts(made, seen) for counts in (count, count_by_density))
    assert expected.macs_executed == pytest.approx(exact.macs_executed, rel=0.1)
    assert expected.macs_executed != exact.macs_executed
    (again,) = count_by_density(made, seen)
    assert again == expected
