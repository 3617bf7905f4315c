"""What each step of a recipe did: sizes, zeros, widths, work and accuracy, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hwsim.execute import accuracy

if TYPE_CHECKING:
    from collections.abc import Callable

    from compressors._compressor import Compressor
    from compressors.recipe import Recipe
    from compressors.workbench import Workbench
    from hwsim.data import Data
    from hwsim.graph import Graph, Node

UNTOUCHED = "original"
"""What the first row of a journal calls the model before any step."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Journal:
    """What a recipe made, and how it came to it.

    Attributes:
        graph: After the last step.
        steps: One row for the model as it was and one after each step: `step`, `weights`,
            `nonzero`, `sparsity` (share of zeros), `bits` (of a weight, on average),
            `storage_bytes` (all constants, as encoded), `macs`, `macs_effective` (weight not
            zero) and `top1` (NaN where nothing judges).
        layers: The same per layer with a weight, with `op`, `shape` and `format`.
    """

    graph: Graph
    steps: pd.DataFrame
    layers: pd.DataFrame


def journal(
    recipe: Recipe,
    graph: Graph,
    bench: Workbench,
    judge: Data | None = None,
    *,
    numerics: str = "tflite-ref",
    on_step: Callable[[Compressor, Graph], None] | None = None,
) -> Journal:
    """Run `recipe` on `graph` and write down what each step did.

    Args:
        recipe: What to run.
        graph: Left as it is.
        bench: What the steps may use.
        judge: Labelled samples to measure `top1` on after each step.
        numerics: Rounding policy of integer graphs.
        on_step: Called after each step with the step and the graph it made.

    Raises:
        RecipeError: As `Recipe.compress`.
        DataError: `judge` does not fit the model.
    """
    steps = [_step_row(0, UNTOUCHED, graph, judge, numerics)]
    layers = _layer_rows(0, UNTOUCHED, graph)

    def write(step: Compressor, made: Graph) -> None:
        index = len(steps)
        steps.append(_step_row(index, str(step), made, judge, numerics))
        layers.extend(_layer_rows(index, str(step), made))
        if on_step is not None:
            on_step(step, made)

    made = recipe.compress(graph, bench, write)
    return Journal(graph=made, steps=pd.DataFrame(steps), layers=pd.DataFrame(layers))


def _step_row(
    index: int, step: str, graph: Graph, judge: Data | None, numerics: str
) -> dict[str, Any]:
    rows = [_layer(graph, node) for node in graph.nodes if node.op.weight is not None]
    weights = sum(row["weights"] for row in rows)
    nonzero = sum(row["nonzero"] for row in rows)
    bits = sum(row["weights"] * row["bits"] for row in rows)
    return {
        "index": index,
        "step": step,
        "weights": weights,
        "nonzero": nonzero,
        "sparsity": 1.0 - nonzero / max(1, weights),
        "bits": bits / max(1, weights),
        "storage_bytes": graph.storage_bytes,
        "macs": sum(graph.workload(node).macs for node in graph.nodes),
        "macs_effective": sum(effective_macs(graph, node) for node in graph.nodes),
        "top1": float("nan")
        if judge is None or judge.y is None
        else accuracy(graph, judge, numerics).top1,
    }


def _layer_rows(index: int, step: str, graph: Graph) -> list[dict[str, Any]]:
    return [
        {"index": index, "step": step, **_layer(graph, node)}
        for node in graph.nodes
        if node.op.weight is not None
    ]


def _layer(graph: Graph, node: Node) -> dict[str, Any]:
    weight = node.op.weight
    assert weight is not None  # Callers leave the other nodes out.
    nonzero = int(np.count_nonzero(weight.nonzero))
    return {
        "name": node.name,
        "op": node.op.kind,
        "shape": "x".join(map(str, weight.shape)),
        "weights": weight.codes.size,
        "nonzero": nonzero,
        "sparsity": 1.0 - nonzero / max(1, weight.codes.size),
        "bits": weight.bits,
        "format": weight.format.name,
        "storage_bytes": sum(constant.storage_bytes for constant in node.op.constants),
        "macs": graph.workload(node).macs,
        "macs_effective": effective_macs(graph, node),
    }


def effective_macs(graph: Graph, node: Node) -> int:
    """Return the multiply-accumulates of `node` whose weight is not zero."""
    work = graph.workload(node)
    if node.op.weight is None:
        return work.macs
    return int(np.count_nonzero(node.op.weight.nonzero)) * work.columns
