"""Prices of energy in profiles against the table of single actions."""

from __future__ import annotations

import csv
import re

import pytest

from hwsim.errors import ProfileError
from hwsim.profile import DeviceProfile, known_devices, load_profile
from hwsim.profile.action_energy import TABLE, action_pj, mac_pj
from hwsim.profile.sources import KINDS
from tests.laws.test_profiles import FOLDER

ROWS = list(csv.DictReader((FOLDER / TABLE).read_text(encoding="utf-8").splitlines()))
NODES_NM = (7.0, 45.0)
# Nothing shipped is finer than the table's finest node.
FINEST_NM = 7.0
NODE = re.compile(r"(\d+) nm")
SRAM = re.compile(r"(\d+) nm, (8 KB|32 KiB|1 MB) (?:cache|SRAM)")
SIZES = {"8 KB": "sram_8kb_64bit", "32 KiB": "sram_32kb_64bit", "1 MB": "sram_1mb_64bit"}
# What a table of another chip is worth: the order of magnitude.
FACTOR = 3.0

devices = pytest.mark.parametrize("name", known_devices())


def macs(profile: DeviceProfile) -> dict[str, float]:
    """Return the MACs that the table knows too, by what is really multiplied."""
    reals = "f16" if profile.runtime.real_bits == 16 else "f32"
    names = {"8x8": "8x8", "f32": reals}
    return {names[types]: pj for types, pj in profile.hardware.mac_pj.items() if types in names}


def test_every_row_says_where_it_comes_from() -> None:
    for row in ROWS:
        kind, _, where = row["source"].partition(":")
        assert kind in KINDS, row
        assert where.strip(), row
        assert float(row["energy_pj"]) > 0, row


def test_what_was_not_looked_up_again_is_assumed() -> None:
    for row in ROWS:
        assert ("from memory" in row["source"]) == row["source"].startswith("assumed:"), row


def test_the_nodes_of_the_table_give_its_rows() -> None:
    for row in ROWS:
        assert action_pj(row["action"], float(row["node_nm"])) == float(row["energy_pj"])


@pytest.mark.parametrize("types", ["8x8", "f16", "f32"])
def test_a_finer_node_never_costs_more(types: str) -> None:
    nodes = [7.0, 10.0, 16.0, 28.0, 45.0]
    prices = [mac_pj(types, node) for node in nodes]
    assert prices == sorted(prices)
    assert prices[0] < prices[-1]


def test_between_two_nodes_lies_their_geometric_mean() -> None:
    middle = (NODES_NM[0] * NODES_NM[1]) ** 0.5
    ends = action_pj("int8_mult", NODES_NM[0]), action_pj("int8_mult", NODES_NM[1])
    assert action_pj("int8_mult", middle) == pytest.approx((ends[0] * ends[1]) ** 0.5)


@pytest.mark.parametrize("node", [5.0, 65.0])
def test_nothing_is_said_beyond_the_table(node: float) -> None:
    with pytest.raises(ProfileError, match=r"int8_mult: expected a node of 7\.\.45 nm"):
        action_pj("int8_mult", node)


def test_an_action_of_one_node_is_not_scaled() -> None:
    with pytest.raises(ProfileError, match=r"bf16_mult: expected a node of 7\.\.7 nm, got 16 nm"):
        action_pj("bf16_mult", 16.0)


def test_what_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(ProfileError, match="no action 'int3_mult'; known: bf16_add"):
        action_pj("int3_mult", 45.0)
    with pytest.raises(ProfileError, match="no MAC of '3x3'; known: 8x8"):
        mac_pj("3x3", 45.0)


@devices
def test_no_mac_is_cheaper_than_its_arithmetic(name: str) -> None:
    """A chip also feeds its multipliers: prices from a power budget lie above, never below."""
    for types, price in macs(load_profile(name)).items():
        assert price >= mac_pj(types, FINEST_NM), types


@devices
def test_a_mac_priced_at_a_node_is_as_the_table_says(name: str) -> None:
    profile = load_profile(name)
    node = NODE.search(profile.sources.get("hardware.mac_pj", ""))
    if node is None:
        pytest.skip("its MAC is priced from a power budget, not from a node")
    for types, price in macs(profile).items():
        expected = mac_pj(types, float(node[1]))
        assert expected / FACTOR <= price <= expected * FACTOR, types


@devices
def test_a_memory_priced_at_a_node_is_as_the_table_says(name: str) -> None:
    profile = load_profile(name)
    for memory, level in profile.hardware.memories.items():
        said = SRAM.search(profile.sources.get(f"hardware.memories.{memory}.pj_per_byte", ""))
        if said is not None:
            # 64 bits are 8 bytes.
            expected = action_pj(SIZES[said[2]], float(said[1])) / 8
            assert expected / FACTOR <= level.pj_per_byte <= expected * FACTOR
