"""What weights with a scale per group need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.scales import LARGEST_HALF
from hwsim.errors import RecipeError
from hwsim.fusion import fused
from hwsim.ops import Linear

if TYPE_CHECKING:
    from hwsim.graph import Graph


def require_groups(graph: Graph, group: int) -> Graph:
    """Return `graph`, unless no weights of it have the groups that were asked for.

    Raises:
        RecipeError: That is so.
    """
    weights = [weight for node in graph.nodes for weight in node.op.constants]
    is_grouped = any(weight.quant and weight.quant.group for weight in weights)
    # A row that is one group has its scale per channel.
    linear = [node.op.weight for node in graph.nodes if isinstance(node.op, Linear)]
    if not is_grouped and all(w.matrix.shape[1] != group for w in linear):
        raise RecipeError(
            f"{graph.name}: quantize: group={group} applies to weights of linear layers "
            "(and, with activations=32, of convolutions) whose rows are longer than a group; "
            "there are none; leave group out"
        )
    return graph


def require_half(graph: Graph, bits: int) -> None:
    """Refuse weights of so many bits whose groups would need scales beyond float16.

    Raises:
        RecipeError: Some do.
    """
    most = LARGEST_HALF * ((1 << (bits - 1)) - 1)
    for node in fused(graph).nodes:
        weight = node.op.weight
        largest = 0.0 if weight is None else float(np.abs(weight.real()).max(initial=0.0))
        if not largest <= most:
            raise RecipeError(
                f"{graph.name}/{node.name}: quantize: scales of 16 bits hold weights up to "
                f"{most:.3g}, got {largest:.3g}; scale_bits=32 holds them"
            )
