"""Refuse graphs whose weights are no numbers: what came of them would look like a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from hwsim.graph import Graph, Node


def require_finite(graph: Graph, step: str, cure: str) -> Graph:
    """Return `graph`, whose layers hold finite numbers only.

    Args:
        graph: What a step is given, or has made.
        step: Which, for messages.
        cure: What would do.

    Raises:
        RecipeError: A constant holds NaN, or one of a layer with a weight infinity; a mask may.
    """
    for node in graph.nodes:
        bad = _bad(node)
        if bad:
            raise RecipeError(
                f"{graph.name}/{node.name}: {step}: expected finite constants, got {bad} that are "
                f"NaN or infinite; {cure}"
            )
    return graph


def _bad(node: Node) -> int:
    """Return how many constants of `node` are no numbers to work with."""
    reals = [weight.codes for weight in node.op.constants if weight.quant is None]
    may_be_infinite = node.op.weight is None
    return sum(
        int(np.count_nonzero(np.isnan(codes) if may_be_infinite else ~np.isfinite(codes)))
        for codes in reals
    )
