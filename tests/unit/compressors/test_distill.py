"""Distillation: the losses against their formulas, and students that learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from compressors import Distill, Workbench, parse
from compressors.training.distillation.impressions import impressions_of
from compressors.training.distillation.losses import (
    Discriminator,
    Hints,
    attention_loss,
    soft_label_loss,
)
from compressors.training.distillation.student import fresh
from compressors.training.distillation.teacher import comparable, logits_of, shown_by
from compressors.workbench import Unwatched
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.reference import trace
from tests.graphs import mlp, residual, samples, separable


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_soft_labels_on_a_worked_example() -> None:
    """(1 - a) CE + a T^2 KL(p_t || p_s), summed over classes and averaged over two samples."""
    student = np.array([[1.0, 0.0], [0.0, 2.0]])
    teacher = np.array([[3.0, 0.0], [0.0, 0.0]])
    p, q = softmax(teacher / 2.0), softmax(student / 2.0)
    kl = (p * np.log(p / q)).sum(axis=1).mean()
    hard = -np.log(softmax(student)[[0, 1], [0, 0]]).mean()
    got = soft_label_loss(
        torch.tensor(student), torch.tensor(teacher), torch.tensor([0, 0]), 2.0, 0.7
    )
    assert float(got) == pytest.approx(0.3 * hard + 0.7 * 4.0 * kl)


def test_soft_labels_vanish_where_the_student_says_the_same() -> None:
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert float(soft_label_loss(logits, logits, None, 3.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


def test_attention_looks_at_places_and_not_at_size() -> None:
    """One sample, two places, two channels: Q = (2, 8) and (3, 4), normalised."""
    teacher = torch.tensor([[[[1.0, 1.0], [2.0, 2.0]]]])
    student = torch.tensor([[[[math.sqrt(3.0), 0.0], [0.0, 2.0]]]])
    a = np.array([2.0, 8.0]) / math.hypot(2.0, 8.0)
    b = np.array([3.0, 4.0]) / 5.0
    want = 0.5 * float(np.linalg.norm(a - b))
    assert float(attention_loss([(teacher, student)])) == pytest.approx(want)
    assert float(attention_loss([(teacher, 7.0 * student)])) == pytest.approx(want)


def test_hints_are_mean_squares_after_the_regressor() -> None:
    hints = Hints([(3, 2)]).requires_grad_(False)
    teacher, student = torch.randn(4, 1, 5, 5, 3), torch.randn(4, 1, 5, 5, 2)
    mapped = hints.regressors[0](student)
    want = float(((mapped - teacher) ** 2).mean())
    assert float(hints([(teacher, student)])) == pytest.approx(want, rel=1e-5)


def test_the_discriminator_teaches_itself_and_misleads_the_student() -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    judge = Discriminator(3)
    student = torch.randn(8, 3, requires_grad=True)
    teacher = torch.randn(8, 3)
    torch.autograd.backward(judge(student, teacher))
    reversed_ = student.grad
    assert reversed_ is not None
    plain = torch.nn.functional.binary_cross_entropy_with_logits
    made = judge.layers(student)
    (direct,) = torch.autograd.grad(0.5 * plain(made, torch.zeros_like(made)), student)
    torch.testing.assert_close(reversed_, -direct)


def labelled(graph: Graph, count: int = 48) -> Data:
    x = samples(graph, count)
    (outputs,) = trace(graph, x).values()
    return Data(x=x, y=outputs.reshape(count, -1).argmax(axis=1))


def shuffled(graph: Graph) -> Graph:
    """Return `graph` with weights drawn anew, as a student that knows nothing."""
    return fresh(graph, seed=3)


def disagreement(graph: Graph, teacher: Graph, data: Data) -> float:
    said = [next(iter(trace(g, data.x).values())).reshape(data.count, -1) for g in (graph, teacher)]
    return float((softmax(said[0]) * np.log(softmax(said[0]) / softmax(said[1]))).sum(1).mean())


@pytest.mark.parametrize("method", ["soft_label", "feature_map", "attention_map", "adversarial"])
def test_students_come_nearer_to_their_teacher(method: str) -> None:
    teacher = residual()
    data, student = labelled(teacher), shuffled(teacher)
    step = Distill(method=method, epochs=8, batch_size=16, weight=0.1, learning_rate=0.05)  # pyright: ignore[reportArgumentType]
    bench = Workbench(data=data, teacher=teacher)
    taught = step.compress(student, bench)
    assert disagreement(taught, teacher, data) < 0.5 * disagreement(student, teacher, data)
    again = step.compress(student, bench)
    for left, right in zip(taught.nodes, again.nodes, strict=True):
        for a, b in zip(left.op.constants, right.op.constants, strict=True):
            np.testing.assert_array_equal(a.codes, b.codes)


def test_the_teacher_is_the_model_that_the_recipe_began_with() -> None:
    graph = residual()
    data = labelled(graph)
    tail = "distill{epochs=10,batch_size=16,alpha=1}"
    pruned = parse("prune{sparsity=0.6}").apply(graph, data)
    taught = parse(f"prune{{sparsity=0.6}}|{tail}").apply(graph, data)
    assert disagreement(taught, graph, data) < disagreement(pruned, graph, data)
    for before, after in zip(pruned.nodes, taught.nodes, strict=True):
        if before.op.weight is not None and after.op.weight is not None:
            assert not (after.op.weight.nonzero & ~before.op.weight.nonzero).any()


def test_integer_teachers_are_heard() -> None:
    graph = mlp()
    data = labelled(graph)
    integer = parse("quantize").apply(graph, data)
    heard = logits_of(integer)
    shown = shown_by(integer, data.x, (heard.tensor,))[heard.tensor]
    quant = integer.tensors[heard.tensor].quant
    assert quant is not None
    real = quant.decode(run(integer, data.x)).astype(np.float32)
    np.testing.assert_array_equal(shown.numpy().reshape(real.shape), real)


def test_born_again_networks_keep_their_shape_and_forget_their_weights() -> None:
    graph = residual()
    data = labelled(graph)
    born = Distill(method="self", epochs=1, batch_size=16, seed=7).apply(graph, data)
    for before, after in zip(graph.nodes, born.nodes, strict=True):
        assert before.op.infer(*(graph.tensors[t].shape for t in before.inputs)) == after.op.infer(
            *(born.tensors[t].shape for t in after.inputs)
        )
        if before.op.weight is not None and after.op.weight is not None:
            assert (
                np.corrcoef(before.op.weight.codes.ravel(), after.op.weight.codes.ravel())[0, 1]
                < 0.9
            )


class Losses(Unwatched):
    """Keeps the loss of each epoch."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        del done, total
        self.seen.append(loss)


def test_inputs_made_from_nothing_become_what_the_teacher_expects() -> None:
    """Cross entropy of the wanted classes and distance of the statistics fall with the steps."""
    teacher = separable()
    short, long = Losses(), Losses()
    impressions_of(teacher, samples=24, steps=1, seed=0, watcher=short)
    made = impressions_of(teacher, samples=24, steps=60, seed=0, watcher=long)
    again = impressions_of(teacher, samples=24, steps=60, seed=0, watcher=Unwatched())
    np.testing.assert_array_equal(made.x, again.x)
    assert long.seen[0] < short.seen[0]


def test_data_free_distillation_takes_no_data() -> None:
    teacher = residual()
    step = Distill(method="data_free", samples=32, synthesis_steps=20, epochs=10, batch_size=16)
    assert step.needs == "none"
    student = shuffled(teacher)
    taught = step.compress(student, Workbench(teacher=teacher))
    data = labelled(teacher)
    assert disagreement(taught, teacher, data) < disagreement(student, teacher, data)


def test_features_that_can_be_compared_are_found() -> None:
    graph = residual()
    pairs = comparable(graph, graph, ())
    assert pairs
    assert all(own == other for own, other in pairs)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ('distill{features="a=b"}', "feature_map and attention_map take them"),
        ("distill{method=feature_map,features=a}", "expected features teacher=student"),
        ('distill{method=feature_map,features="no=such"}', "the teacher has no tensor 'no'"),
        ("quantize|distill", "distill before quantize"),
    ],
)
def test_mistakes_are_told(spec: str, told: str) -> None:
    graph = residual()
    with pytest.raises(RecipeError, match=told):
        parse(spec).apply(graph, labelled(graph))


def test_teachers_of_other_classes_are_refused() -> None:
    graph, other = residual(), mlp()
    data = Data(x=samples(graph, 8), y=np.zeros(8, np.int64))
    if graph.tensors[graph.inputs[0]].shape == other.tensors[other.inputs[0]].shape:
        pytest.skip("both graphs take the same inputs")
    with pytest.raises(Exception, match=r"expects x of shape|classes"):
        Distill().compress(graph, Workbench(data=data, teacher=other))
