"""Sparse accelerators against the cycles that others published; simulated there, not silicon."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from hwsim.accelerators import DualSide, EyerissV2, Mask
from hwsim.accelerators.eyeriss_v2 import cycles_from_density

pytestmark = pytest.mark.oracle

ROOT: Final = Path(__file__).parents[2]
MASKS: Final = ROOT.parent / "shared" / "measurements" / "eyeriss_v2_pe_masks.npz"
LAYERS: Final = ("L07", "L13", "L21", "L25")
# Rows in time before the outer product of a set starts, and where least squares may look.
SET_UPS: Final = range(17)


def published(accelerator: str) -> list[dict[str, str]]:
    path = ROOT / "device_profiles" / "measurements" / "sparse_accelerators.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["accelerator"] == accelerator]


def layer(name: str) -> tuple[Mask, Mask, int]:
    """Return masks of weights [m, k] and activations [positions, k], and the published cycles."""
    if not MASKS.exists():
        pytest.skip("needs the masks of ../shared/measurements/eyeriss_v2_pe_masks.npz")
    with np.load(MASKS) as masks:
        weights = np.unpackbits(masks[f"{name}_weights"], axis=-1).astype(bool)
        activations = np.unpackbits(masks[f"{name}_iacts"], axis=-1).astype(bool)
        return weights, activations, int(masks[f"{name}_cycles"])


@pytest.mark.parametrize("name", LAYERS)
def test_eyeriss_v2_is_exact(name: str) -> None:
    weights, activations, cycles = layer(name)
    (row,) = (row for row in published("eyeriss_v2") if row["case"] == name)
    assert int(row["time"]) == cycles
    assert EyerissV2().walk(weights, activations).cycles == cycles


@pytest.mark.parametrize("name", LAYERS)
def test_eyeriss_v2_from_densities_is_within_7_percent(name: str) -> None:
    weights, activations, cycles = layer(name)
    macs = len(weights) * activations.size
    expected = cycles_from_density(macs, float(weights.mean()), float(activations.mean()))
    assert expected == pytest.approx(cycles, rel=0.07)
    # Channels that are rarely zero meet fuller columns, so independence says too little.
    assert expected < cycles


def dual_side_cycles(set_up: int) -> np.ndarray:
    core = DualSide(set_up_rows=set_up)
    return np.array(
        [
            core.cycles_from_density(
                (4096, 4096, 4096), float(row["density_a"]), float(row["density_b"])
            )
            for row in published("dual_side")
        ],
        np.float64,
    )


def scale(cycles: np.ndarray, times: np.ndarray) -> float:
    """Return the factor with the least squared relative errors."""
    ratios = cycles / times
    return float(ratios.sum() / (ratios**2).sum())


def errors(cycles: np.ndarray, times: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return relative errors under the scale fitted to the rows that are kept."""
    return scale(cycles[kept], times[kept]) * cycles / times - 1.0


def dual_side_times() -> np.ndarray:
    return np.array([float(row["time"]) for row in published("dual_side")])


def test_dual_side_is_within_5_percent_of_rows_it_was_not_fitted_on() -> None:
    """The set-up and the figure's unit are fitted, each row left out of its own fit."""
    times, tables = dual_side_times(), [dual_side_cycles(set_up) for set_up in SET_UPS]
    held_out: list[float] = []
    for left_out in range(len(times)):
        kept = np.arange(len(times)) != left_out
        best = min(tables, key=lambda table: float((errors(table, times, kept)[kept] ** 2).sum()))
        held_out.append(abs(float(errors(best, times, kept)[left_out])))
    assert max(held_out) < 0.05
    assert np.mean(held_out) < 0.025


def test_dual_side_as_shipped() -> None:
    times = dual_side_times()
    everything = np.ones(len(times), bool)
    assert abs(errors(dual_side_cycles(DualSide().set_up_rows), times, everything)).max() < 0.04


def test_a_walk_of_random_patterns_gives_the_published_curve() -> None:
    random, times = np.random.default_rng(0), dual_side_times()
    cycles = np.array(
        [
            DualSide()
            .walk(*(random.random((256, 256)) < float(row[d]) for d in ("density_a", "density_b")))
            .cycles
            for row in published("dual_side")
        ],
        np.float64,
    )
    assert abs(errors(cycles, times, np.ones(len(times), bool))).max() < 0.05
