"""The sensitivity scan: one layer at a time, and ratios that follow from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from compressors import Prune
from compressors.sensitivity import ratios_within, scan_pruning
from hwsim.channels.layers import layers_of
from hwsim.data import Data
from hwsim.errors import DataError, RecipeError
from hwsim.execute import accuracy
from hwsim.graph import Graph
from hwsim.reference import trace
from tests.graphs import mlp, residual, samples


def judged(graph: Graph) -> Data:
    """Return samples that `graph` labels all right."""
    x = samples(graph, 40).astype(np.float32)
    (logits,) = trace(graph, x).values()
    return Data(x=x, y=logits.reshape(40, -1).argmax(axis=1))


def test_rows_say_what_one_layer_alone_costs() -> None:
    graph = mlp()
    judge = judged(graph)
    frame = scan_pruning(graph, judge, (0.25, 0.75), criterion="l2")
    assert frame["layer"].tolist() == ["conv", "conv", "fc1", "fc1", "fc2", "fc2"]
    sizes = {name: op.weight.codes.size for name, op in layers_of(graph).items()}
    for _, row in frame.iterrows():
        step = Prune(sparsity=row["ratio"], layers=row["layer"], criterion="l2")
        top1 = accuracy(step.apply(graph), judge, "tflite-ref").top1
        assert row["top1"] == top1
        assert row["drop"] == pytest.approx(1.0 - top1)
        gone = round(row["ratio"] * sizes[row["layer"]])
        assert row["sparsity"] == pytest.approx(gone / sum(sizes.values()))
    assert frame["drop"].max() > 0


def test_coupled_filters_are_one_row() -> None:
    graph = residual()
    frame = scan_pruning(graph, judged(graph), (0.5,), structure="filter")
    assert frame["layer"].tolist() == ["stem;a2", "a1", "c1", "c2;proj"]
    assert (frame["sparsity"] > 0).all()


@pytest.mark.parametrize(
    ("structure", "layers"),
    [
        ("block2x2", ["conv", "fc1", "fc2"]),
        ("row", ["conv", "fc1"]),
        ("kernel", ["conv"]),
    ],
)
def test_structures_have_ratios(structure: str, layers: list[str]) -> None:
    graph = mlp()
    frame = scan_pruning(graph, judged(graph), (0.5,), structure=structure)
    assert frame["layer"].tolist() == layers


def table(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(("layer", "ratio", "drop"), row, strict=True)) for row in rows])


def test_ratios_stop_where_the_drop_is_too_large() -> None:
    frame = table(
        ("a", 0.7, 0.0), ("a", 0.3, 0.01), ("a", 0.5, 0.2),  # 0.7 is luck: 0.5 costs too much.
        ("b", 0.3, -0.01), ("b", 0.5, 0.01),
        ("c", 0.3, 0.02), ("c", 0.5, 0.02),
        ("d;e", 0.3, 0.0), ("d;e", 0.5, 0.3),
    )  # fmt: skip
    assert ratios_within(frame, 0.01) == "a=0.3;b=0.5;d=0.3;e=0.3"
    with pytest.raises(RecipeError, match=r"at most -1 of top-1, the least is -0\.01"):
        ratios_within(frame, -1.0)


def test_ratios_are_a_setting_of_prune() -> None:
    graph = residual()
    frame = scan_pruning(graph, judged(graph), (0.1, 0.5), structure="filter")
    ratios = ratios_within(frame, 1.0)
    pruned = layers_of(Prune(structure="filter", ratios=ratios).apply(graph))
    assert {name: op.weight.shape[0] for name, op in pruned.items()} == {
        "stem": 4, "a1": 4, "a2": 4, "c1": 6, "c2": 6, "proj": 6, "fc": 5,
    }  # fmt: skip


def test_names_of_any_letters() -> None:
    graph = mlp()
    odd = Graph(
        name=graph.name,
        inputs=graph.inputs,
        outputs=graph.outputs,
        tensors=graph.tensors,
        nodes=tuple(
            type(n)(name=f"{n.name}[0];x=y*", op=n.op, inputs=n.inputs, outputs=n.outputs)
            for n in graph.nodes
        ),
    )
    frame = scan_pruning(odd, judged(graph), (0.5,))
    want = scan_pruning(graph, judged(graph), (0.5,))
    assert frame["top1"].tolist() == want["top1"].tolist()
    ratios = ratios_within(frame, 1.0)
    pruned = layers_of(Prune(ratios=ratios).apply(odd))
    assert all(op.weight.format.name == "bitmask" for op in pruned.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"structure": "2:4"}, "mlp: sensitivity expected structure=unstructured, .* got '2:4'"),
        ({"structure": "head"}, "mlp: sensitivity expected layers with structure=head, found none"),
        ({"criterion": "apoz"}, "sensitivity: structure=unstructured got criterion=apoz"),
        ({"criterion": "wanda"}, "mlp: prune expected inputs"),
    ],
)
def test_what_cannot_be_scanned_is_refused(settings: dict[str, Any], message: str) -> None:
    graph = mlp()
    with pytest.raises(RecipeError, match=message):
        scan_pruning(graph, judged(graph), **settings)


def test_a_judge_needs_labels() -> None:
    graph = mlp()
    with pytest.raises(DataError, match="expected labels to judge by"):
        scan_pruning(graph, Data(x=samples(graph, 3)))
