"""Energy of single actions by process node, to hold a profile's prices against."""

from __future__ import annotations

import csv
import math
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from hwsim.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = "energy_table.csv"
"""In `device_profiles/`: pJ per action at 45 nm (Horowitz, ISSCC 2014) and at 7 nm (Jouppi et al.,
ISCA 2021), each row with its source; those that were not looked up again say `assumed`."""

_MAC = {
    "8x8": ("int8_mult", "int32_add"),
    "f16": ("fp16_mult", "fp32_add"),
    "f32": ("fp32_mult", "fp32_add"),
}


def action_pj(action: str, node_nm: float) -> float:
    """Return the energy of one action at a node, in pJ.

    A straight line in log-log through the two nodes of the table: energy = a * node^b, where b
    comes out between 0.4 and 0.8 for arithmetic, and between 0.15 (8 KB) and 1.06 (1 MB) for SRAM.

    Args:
        action: Of the table, such as `int8_mult` or `sram_32kb_64bit`.
        node_nm: Between the nodes of the table: nobody measured beyond.

    Raises:
        ProfileError: There is no such action, or the node is beyond its rows.
    """
    by_node = _table().get(action)
    if by_node is None:
        raise ProfileError(f"{TABLE}: no action {action!r}; known: {', '.join(sorted(_table()))}")
    low, high = min(by_node), max(by_node)
    if not low <= node_nm <= high:
        raise ProfileError(
            f"{TABLE}: {action}: expected a node of {low:g}..{high:g} nm, got {node_nm:g} nm"
        )
    if node_nm in by_node:
        return by_node[node_nm]
    share = math.log(node_nm / low) / math.log(high / low)
    return by_node[low] ** (1.0 - share) * by_node[high] ** share


def mac_pj(types: str, node_nm: float) -> float:
    """Return the energy of a multiplication and of the addition to its accumulator, in pJ.

    Operand delivery, control and clocks are not in it: a chip pays a multiple.

    Args:
        types: `8x8` (int32 sums), `f16` (float32 sums) or `f32`.
        node_nm: As in `action_pj`.

    Raises:
        ProfileError: There are no such types, or the node is beyond the table.
    """
    if types not in _MAC:
        raise ProfileError(f"{TABLE}: no MAC of {types!r}; known: {', '.join(_MAC)}")
    return sum(action_pj(action, node_nm) for action in _MAC[types])


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[float, float]]:
    text = (files("device_profiles") / TABLE).read_text(encoding="utf-8")
    table: dict[str, dict[float, float]] = {}
    for row in csv.DictReader(text.splitlines()):
        table.setdefault(row["action"], {})[float(row["node_nm"])] = float(row["energy_pj"])
    return table
