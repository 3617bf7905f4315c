"""Say where one recipe of a comparison dominates all others.

hwsim compare ... --csv comparison.csv
python examples/dominance.py RECIPE comparison.csv ...
"""

from __future__ import annotations

import argparse
from typing import Any, cast

import pandas as pd

COSTS = ("latency_s", "energy_j", "peak_ram_bytes", "flash_bytes")


def dominance(rows: pd.DataFrame, recipe: str) -> dict[str, list[str]]:
    """Return for each device in what which other recipe is better; nothing where it dominates.

    It dominates another if it costs at most as much in latency, energy, RAM and flash, is at least
    as often right, and is better in one of these. What a device refuses is no rival.

    Args:
        rows: Of `hwsim compare --csv`; one model.
        recipe: Its name in the reports.
    """
    found: dict[str, list[str]] = {}
    priced = rows[rows["latency_s"].notna()]
    for device, group in priced.groupby("device", sort=False):
        own = cast("dict[str, Any]", group[group["recipe"] == recipe].iloc[0].to_dict())
        rivals = cast("list[dict[str, Any]]", group[group["recipe"] != recipe].to_dict("records"))
        found[str(device)] = [told for rival in rivals for told in _better(rival, own)]
    return found


def _better(rival: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """Return in what the rival is better; that it is equal where it is in all."""
    told = [
        f"{rival['recipe']}: {name} {rival[name]:.4g} < {own[name]:.4g}"
        for name in COSTS
        if rival[name] < own[name]
    ]
    if rival["top1"] > own["top1"]:
        told.append(f"{rival['recipe']}: top-1 {rival['top1']:.4f} > {own['top1']:.4f}")
    is_equal = all(rival[name] == own[name] for name in (*COSTS, "top1"))
    return [*told, f"{rival['recipe']}: equal in all"] if is_equal else told


def main() -> None:
    """Print one line for each device."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("recipe", help="its name in the reports")
    parser.add_argument("comparisons", nargs="+", help="files of hwsim compare --csv")
    arguments = parser.parse_args()
    rows = pd.concat([pd.read_csv(file) for file in arguments.comparisons])
    found = dominance(rows, arguments.recipe)
    for device, told in found.items():
        print(f"{device}: {'dominates all others' if not told else '; '.join(told)}")
    print(f"dominates on {sum(not told for told in found.values())} of {len(found)} devices")


if __name__ == "__main__":
    main()
