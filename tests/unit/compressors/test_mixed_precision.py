"""Bits per layer: measured one by one, chosen exactly, kept within the budget."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal, cast

import numpy as np
import pytest
from scipy.special import rel_entr, softmax  # pyright: ignore[reportUnknownVariableType]

from compressors import MixedPrecision, Quantize, parse
from compressors.quantization.one_layer_noise import divergence, noise
from compressors.recipe import Recipe
from compressors.sensitivity import scan_widths
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.graph import Graph
from hwsim.reference import trace
from tests.graphs import attention, mlp, samples, separable

DATA = Data(x=samples(mlp(), 48))


def bits_of(graph: Graph) -> dict[str, int]:
    return {n.name: n.op.weight.bits for n in graph.nodes if n.op.weight is not None}


def total_bits(graph: Graph) -> float:
    """Price a graph by the bits of its weights: layers add up."""
    return float(sum(n.op.weight.bits for n in graph.nodes if n.op.weight is not None))


def test_noise_by_hand() -> None:
    # (1 + 4) / (9 + 16) = 1 / 5.
    assert noise(np.array([[3.0, 4.0]]), np.array([[2.0, 6.0]])) == pytest.approx(0.2)
    assert noise(np.zeros((1, 2)), np.zeros((1, 2))) == 0.0


@pytest.mark.oracle
@pytest.mark.parametrize("is_softmax", [False, True])
def test_divergence_is_that_of_scipy(is_softmax: bool) -> None:
    rng = np.random.default_rng(0)
    p, q = 3 * rng.standard_normal((2, 20, 5))
    shares = [cast("FloatArray", softmax(logits, axis=1)) for logits in (p, q)]
    want = rel_entr(*shares).sum(axis=1).mean()
    given, other = shares if is_softmax else (p, q)
    assert divergence(given, other, is_softmax=is_softmax) == pytest.approx(want)


def test_sensitivities_are_those_of_one_layer_at_a_time() -> None:
    graph = mlp()
    labels = trace(graph, DATA.x)["fc2"].reshape(48, -1).argmax(axis=1)
    table = scan_widths(graph, Data(x=DATA.x, y=labels), (2, 8))
    assert list(table.layer) == ["conv", "conv", "fc1", "fc1", "fc2", "fc2"]
    row = table[(table.layer == "fc1") & (table.bits == 2)].iloc[0]
    alone = parse("gptq{bits=2,layers=fc1}").apply(graph, DATA).nodes
    assert (
        row.weight_bytes == next(n.op for n in alone if n.name == "fc1").constants[0].storage_bytes
    )
    # The same by another way: all layers nearest, then all but one put back.
    whole = Quantize(weights=2, activations=32).apply(graph)
    kept = {n.name: n.op for n in graph.nodes if n.name == "fc2"}
    kept["conv"] = next(n.op for n in parse("fuse").apply(graph).nodes if n.name == "conv")
    want, made = (trace(g, DATA.x)["fc2"].reshape(48, -1) for g in (graph, whole.with_ops(kept)))
    assert row.sqnr_db == pytest.approx(
        -10 * np.log10(((made - want) ** 2).sum() / (want**2).sum())
    )
    assert row.accuracy_drop == pytest.approx(1 - (made.argmax(axis=1) == labels).mean())
    by_bits = table.set_index(["layer", "bits"]).sqnr_db
    assert all(by_bits[name, 8] > by_bits[name, 2] + 20 for name in ("conv", "fc1", "fc2"))


@pytest.mark.parametrize("metric", ["sqnr", "kl"])
def test_the_choice_is_the_best_of_all_within_the_bytes(metric: Literal["sqnr", "kl"]) -> None:
    graph = mlp()
    made = MixedPrecision(budget=0.62, bits="2;4;8", metric=metric).apply(graph, DATA)
    whole = Quantize().apply(graph, DATA)
    assert made.storage_bytes <= 0.62 * whole.storage_bytes
    rows: list[dict[str, Any]] = [
        {"loss": row["divergence_nats"] if metric == "kl" else 10 ** (-row["sqnr_db"] / 10), **row}
        for row in cast("Any", scan_widths(graph, DATA, (2, 4, 8)).to_dict("records"))
    ]
    rest = whole.storage_bytes - sum(row["weight_bytes"] for row in rows if row["bits"] == 8)
    within = [
        choice
        for choice in product(rows[:3], rows[3:6], rows[6:])
        if rest + sum(row["weight_bytes"] for row in choice) <= 0.62 * whole.storage_bytes
    ]
    losses = [sum(row["loss"] for row in choice) for choice in within]
    best = within[int(np.argmin(losses))]
    assert bits_of(made) == {row["layer"]: row["bits"] for row in best}


def test_labels_judge_where_they_shall() -> None:
    graph = mlp()
    labels = trace(graph, DATA.x)["fc2"].reshape(48, -1).argmax(axis=1)
    step = MixedPrecision(budget=0.7, bits="2;4;8", metric="accuracy")
    assert step.needs == "labelled"
    made = step.apply(graph, Data(x=DATA.x, y=labels))
    assert (trace(made, DATA.x)["fc2"].reshape(48, -1).argmax(axis=1) == labels).mean() > 0.8
    with pytest.raises(RecipeError, match="mixed_precision expected inputs with labels"):
        step.apply(graph, DATA)


def test_a_price_is_a_budget_too() -> None:
    graph = separable()
    data = Data(x=samples(graph, 8))
    step = MixedPrecision(budget_cost=30.0, bits="2;4;8")
    assert step.is_priced
    made = Recipe(steps=(step,)).apply(graph, data, price=total_bits)
    assert total_bits(made) <= 30.0
    assert set(bits_of(made).values()) <= {2, 4, 8}


def test_widths_that_the_device_cannot_run_are_not_chosen() -> None:
    def price(graph: Graph) -> float:
        if 4 in bits_of(graph).values():
            raise UnsupportedError("no kernel takes 4 bits")
        return total_bits(graph)

    step = Recipe(steps=(MixedPrecision(budget_cost=19.0, bits="2;4;8"),))
    made = step.apply(mlp(), DATA, price=price)
    assert sorted(bits_of(made).values()) == [2, 8, 8]


def test_a_price_that_does_not_add_up_is_refused() -> None:
    def price(graph: Graph) -> float:
        # The first layer that is narrow saves 5, the others 1 together.
        return (20.0, 15.0, 14.0, 14.0)[list(bits_of(graph).values()).count(2)]

    step = Recipe(steps=(MixedPrecision(budget_cost=10.0, bits="2;8"),))
    with pytest.raises(RecipeError, match="to add up to at most 10, but together they are 14;"):
        step.apply(mlp(), DATA, price=price)


def test_budgets_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"expected a budget of at least .*, got 100; raise it"):
        MixedPrecision(budget_bytes=100).apply(mlp(), DATA)
    with pytest.raises(RecipeError, match="mixed_precision expected a device whose price"):
        MixedPrecision(budget_cost=1.0).apply(mlp(), DATA)
    with pytest.raises(RecipeError, match="expected one of budget, budget_bytes and budget_cost"):
        parse("mixed_precision{budget=0.5,budget_bytes=100}")
    with pytest.raises(RecipeError, match="expected bits of weights between 2 and 8"):
        parse("mixed_precision{budget=0.5,bits=1;4}")


def test_reals_may_stay_between_layers() -> None:
    graph = attention()
    data = Data(x=samples(graph, 8))
    made = MixedPrecision(budget=0.8, activations=32, bits="3;8").apply(graph, data)
    assert all(type_.quant is None for type_ in made.tensors.values())
    assert set(bits_of(made).values()) == {3, 8}
