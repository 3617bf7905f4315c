"""Samples: layers with the cycles that they took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.calibrate.layers import Layer
    from hwsim.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measured layer.

    Attributes:
        layer: What it is.
        graph: It alone.
        cycles: Of the kernel: what an inference costs beside it is taken off.
        beside_cycles: What was taken off.
        samples: Clean samples behind the figure.
    """

    layer: Layer
    graph: Graph
    cycles: float
    beside_cycles: float
    samples: int
