"""Weights end at few levels that rounds of training chose, and `quantize` keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from compressors import Workbench, parse
from compressors.iterative_clip import IterativeClip
from compressors.workbench import Unwatched
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import accuracy
from hwsim.graph import Graph
from hwsim.ops import Linear
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder


def problem() -> tuple[Graph, Data]:
    """Return a trained network of 8 features, and 192 points in four classes by two signs."""
    b = GraphBuilder("signs", 1, 8, seed=3)
    hidden = b.linear("fc1", "x", 24, activation="relu")
    x = np.random.default_rng(0).normal(size=(192, 8))
    y = 2 * (x[:, 0] + x[:, 1] > 0) + (x[:, 2] - x[:, 3] > 0)
    data = Data(x=x, y=y.astype(np.int64))
    trained = parse("finetune{epochs=20,learning_rate=0.1}")
    return trained.apply(b.done(b.linear("fc2", hidden, 4)), data), data


def weights(graph: Graph) -> list[Weight]:
    return [node.op.weight for node in graph.nodes if isinstance(node.op, Linear)]


def test_clipping_ends_at_codes_and_beats_rounding() -> None:
    graph, data = problem()
    rounded = parse("quantize{weights=2,activations=32,clip=mse}").apply(graph, data)
    step = IterativeClip(weights=2, rounds=3, epochs=5, learning_rate=0.05)
    made = step.apply(graph, data)
    for weight in weights(made):
        assert weight.is_decoded
        assert weight.quant is not None
        assert weight.quant.bits == 2
        assert set(np.unique(weight.codes).tolist()) <= {-1, 0, 1}
    before, after = (accuracy(g, data, "tflite-ref").top1 for g in (rounded, made))
    # Seen: 3.6 points.
    assert after >= before + 0.02


def test_incremental_weights_are_zero_or_powers_of_two_and_the_largest_half_is_frozen() -> None:
    graph, data = problem()
    made = IterativeClip(schedule="inq", learning_rate=0.05).apply(graph, data)
    for before, after in zip(weights(graph), weights(made), strict=True):
        real, start = after.real(), before.real()
        mantissa, _ = np.frexp(np.abs(real[real != 0]))
        np.testing.assert_array_equal(mantissa, 0.5)
        # Arxiv 1702.03044, equations 1 to 4, with 7 powers, for the weights frozen first.
        top = np.floor(np.log2(4 / 3 * np.abs(start).max(axis=1, keepdims=True)))
        with np.errstate(divide="ignore"):
            # Half way between 2^k and 2^(k + 1) lies 1.5 * 2^k.
            exponent = np.floor(np.log2(np.abs(start) / 1.5)) + 1
        power = np.sign(start) * np.exp2(np.minimum(exponent, top))
        expected = np.where(np.abs(start) < 0.5 * np.exp2(top - 6), 0.0, power)
        order = np.argsort(-np.abs(start), axis=None)[: start.size // 2]
        np.testing.assert_array_equal(real.reshape(-1)[order], expected.reshape(-1)[order])
        # The others have been trained: they are not what rounding alone makes of them.
        assert not np.array_equal(real, expected)


def test_incremental_training_makes_up_for_rounding() -> None:
    graph, data = problem()
    step = IterativeClip(schedule="inq", weights=2, rounds=4, epochs=5, learning_rate=0.05)
    at_once = step.model_copy(update={"rounds": 1}).apply(graph, data)
    before, after = (
        accuracy(g, data, "tflite-ref").top1 for g in (at_once, step.apply(graph, data))
    )
    assert after >= before + 0.02


@pytest.mark.parametrize("schedule", ["clip", "inq"])
def test_quantize_keeps_the_codes_and_pruned_weights_stay_zero(schedule: str) -> None:
    graph, data = problem()
    pruned = parse("prune{sparsity=0.5}").apply(graph, data)
    made = parse(f"iterative_clip{{schedule={schedule},rounds=2,epochs=1}}").apply(pruned, data)
    integers = parse("quantize").apply(made, data)
    for start, chosen, kept in zip(weights(pruned), weights(made), weights(integers), strict=True):
        assert not chosen.codes[start.codes == 0].any()
        np.testing.assert_array_equal(chosen.codes, kept.codes)
        assert chosen.quant == kept.quant


class Stopped(Unwatched):
    """Takes notes, and gives back those of the trainings before one was stopped."""

    def __init__(self, states: Mapping[int, Mapping[str, Array]] | None = None) -> None:
        self.states: dict[int, Mapping[str, Array]] = {}
        self._given, self._training = states or {}, 0

    def keep(self, state: Mapping[str, Array]) -> None:
        self.states[self._training] = state

    def kept(self) -> Mapping[str, Array] | None:
        self._training += 1
        return self._given.get(self._training)


@pytest.mark.parametrize("schedule", ["clip", "inq"])
def test_rounds_that_are_finished_are_not_trained_again(schedule: str) -> None:
    graph, data = problem()
    (step,) = parse(f"iterative_clip{{schedule={schedule},rounds=3,epochs=2}}").steps
    whole = Stopped()
    expected = step.compress(graph, Workbench(data=data, watcher=whole))
    again = Stopped({number: whole.states[number] for number in (1, 2)})
    made = step.compress(graph, Workbench(data=data, watcher=again))
    assert 1 not in again.states
    for left, right in zip(weights(expected), weights(made), strict=True):
        np.testing.assert_array_equal(left.codes, right.codes)


def test_refusals_and_specs() -> None:
    graph, data = problem()
    spec = "iterative_clip{schedule=inq,weights=3}"
    assert str(parse(spec)) == spec
    with pytest.raises(RecipeError, match=r"power_of_two takes weights=2\.\.5, got 6"):
        parse("iterative_clip{schedule=inq,weights=6}")
    with pytest.raises(RecipeError, match="expected inputs with labels"):
        IterativeClip().apply(graph, Data(x=data.x))
