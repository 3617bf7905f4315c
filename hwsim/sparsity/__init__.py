"""Patterns of zeros: statistics that hardware cares about, exact and by density."""

from hwsim.sparsity.expected import (
    ExpectedLanes,
    expected_lanes,
    expected_makespan,
    expected_stored,
)
from hwsim.sparsity.expected_schedule import ExpectedMakespan, expected_schedule
from hwsim.sparsity.lanes import Axis, LaneCounts, issued_vectors, lanes
from hwsim.sparsity.pattern import Mask, Pattern, pack
from hwsim.sparsity.schedule import Makespan, Scheduling, schedule

__all__ = [
    "Axis",
    "ExpectedLanes",
    "ExpectedMakespan",
    "LaneCounts",
    "Makespan",
    "Mask",
    "Pattern",
    "Scheduling",
    "expected_lanes",
    "expected_makespan",
    "expected_schedule",
    "expected_stored",
    "issued_vectors",
    "lanes",
    "pack",
    "schedule",
]
