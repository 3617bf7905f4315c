"""A graph in integers, which every device runs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import compressors
from hwsim.data import Data
from tests.graphs import residual, samples

if TYPE_CHECKING:
    from hwsim.graph import Graph


@cache
def residual_integers() -> Graph:
    """Return the residual graph, quantized."""
    graph = residual()
    return compressors.parse("quantize").apply(graph, Data(x=samples(graph, 8)))
