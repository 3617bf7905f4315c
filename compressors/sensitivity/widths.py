"""How much each layer minds integer weights of few bits, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from compressors._finite import require_finite
from compressors.quantization.layers import one_input, real_products
from compressors.quantization.one_layer_noise import measure, with_bits
from hwsim.fusion import fused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compressors.quantization.schemes import Clip, Granularity
    from hwsim.data import Data
    from hwsim.graph import Graph


WIDTHS = (2, 3, 4, 5, 6, 8)
"""Bits that are tried where none are given."""


def scan_widths(
    graph: Graph,
    data: Data,
    bits: Sequence[int] = WIDTHS,
    *,
    samples: int = 128,
    granularity: Granularity = "channel",
    clip: Clip = "max",
) -> pd.DataFrame:
    """Quantize the weights of one layer at a time, and compare the outputs with those of floats.

    Args:
        graph: Of floats; batch norms are folded first.
        data: Inputs, with labels or without.
        bits: Widths of weights to try, each 2..8.
        samples: The first so many inputs are used.
        granularity: One scale per output channel, or per tensor.
        clip: Whether scales hold the largest weight, or are of least squared error.

    Returns:
        One row per layer and width: `layer`, `bits`, `weight_bytes`, `sqnr_db` (of the first
        output, infinite where nothing changes), `divergence_nats` (KL of its softmax) and
        `accuracy_drop` (share of labels lost, NaN without labels).

    Raises:
        RecipeError: There are no float layers, or integers between them.
        DataError: The data does not fit the model.
    """
    graph = fused(require_finite(graph, "sensitivity", "mend the model first"))
    x = one_input(graph, data, samples, "scan_widths")
    options = {
        name: [
            with_bits(op, width, granularity, clip, f"{graph.name}/{name}: scan_widths")
            for width in bits
        ]
        for name, op in real_products(graph, "scan_widths").items()
    }
    rows = measure(graph, x, data.head(samples).y, options)
    return pd.DataFrame(
        [
            {
                "layer": row.layer,
                "bits": row.bits,
                "weight_bytes": row.weight_bytes,
                "sqnr_db": row.sqnr_db,
                "divergence_nats": row.divergence_nats,
                "accuracy_drop": row.accuracy_drop,
            }
            for row in rows
        ]
    )
