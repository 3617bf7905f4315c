"""What training sees is what the integer executor computes, bit by bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from compressors import Workbench, parse
from compressors.qat import Qat
from compressors.quantize import Quantize
from compressors.training.integer_twin import IntegerTwin
from compressors.training.qat import IntegerTraining, integer_twin
from compressors.training.straight import clipped, stepped, straight
from compressors.workbench import Unwatched
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.execute import accuracy, prepare_all
from hwsim.graph import Graph
from hwsim.numerics import find_policy
from hwsim.tensor import Weight
from tests.graphs import GRAPHS, GraphBuilder, gated, mlp, residual, samples

# Each a width, a policy and a way to learn; every policy that training is likely for.
CASES = (
    "weights=2,activations=2,numerics=tflite-ref,clip=max",
    "weights=4,activations=8,numerics=xnnpack,method=lsq",
    "weights=8,activations=4,numerics=ort,method=pact,clip=max",
    "numerics=tflm,granularity=tensor,clip=max",
    "activations=1,weights=1,scheme=binary,first_last_bits=8",
)
graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
cases = pytest.mark.parametrize("settings", CASES)


def step_of(settings: str) -> Qat:
    (step,) = parse(f"qat{{{settings}}}").steps
    assert isinstance(step, Qat)
    return step


def labelled(graph: Graph, count: int = 24) -> Data:
    """Return noise with labels 0, 1, 0, 1, ..."""
    return Data(x=samples(graph, count), y=np.arange(count) % 2)


def twin_of(graph: Graph, step: Qat) -> IntegerTwin:
    training = IntegerTraining(
        plan=step.plan,
        method=step.method,
        policy=find_policy(step.numerics),
        calibration_samples=step.calibration_samples,
        range_batches=100,
        clip_decay=step.clip_decay,
    )
    return integer_twin(graph, samples(graph, 16), training)


@pytest.mark.slow
@graphs
@cases
def test_training_sees_the_codes_of_the_integer_executor(
    build: Callable[[], Graph], settings: str
) -> None:
    step = step_of(settings)
    if step.activations == 1 and build.__name__ in ("residual", "concatenated"):
        pytest.skip("layers there read numbers that are never negative")
    twin = twin_of(build(), step).train()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.01)
    graph = twin.graph()
    x = torch.tensor(samples(build(), 6, seed=5).reshape(6, *graph.tensors["x"].shape))
    for _ in range(2):
        graph = twin.graph()
        expected = prepare_all(graph, step.numerics, tuple(graph.tensors))(x.numpy())
        seen = twin.codes(x)
        assert seen.keys() == expected.keys()
        for name, codes in expected.items():
            np.testing.assert_array_equal(seen[name], codes, err_msg=name)
        # The next round compares other weights, steps and ranges.
        torch.autograd.backward(twin.logits(x).square().mean() + twin.penalty())
        for name, parameter in twin.named_parameters():
            assert parameter.grad is not None, name
            assert bool(torch.isfinite(parameter.grad).all()), name
        optimizer.step()  # pyright: ignore[reportUnknownMemberType]


def everything(graph: Graph) -> list[object]:
    constants = [
        (weight.codes.tobytes(), weight.quant, weight.format)
        for node in graph.nodes
        for weight in node.op.constants
    ]
    return [graph.to_text(), dict(graph.tensors), constants]


@pytest.mark.slow
@pytest.mark.parametrize("build", [mlp, residual, gated], ids=lambda build: build.__name__)
@pytest.mark.parametrize(
    "settings",
    [
        "weights=8,clip=max",
        "weights=3,activations=6,granularity=tensor,clip=mse",
        "scheme=ternary,weights=2",
        "activations=32,weights=4,clip=max",
        "activations=16,first_last_bits=16,clip=max",
    ],
)
def test_training_of_no_steps_is_quantize(build: Callable[[], Graph], settings: str) -> None:
    data = labelled(build())
    (after,) = parse(f"quantize{{{settings}}}").steps
    # No weight is large enough for such steps to change it.
    step = step_of(f"{settings},learning_rate=1e-40,epochs=1,range_epochs=0")
    assert everything(step.apply(build(), data)) == everything(after.apply(build(), data))


def test_steps_have_the_gradients_of_learned_step_size_quantization() -> None:
    """Torch's own kernel of arXiv 1902.08153 is the oracle."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(400, generator=generator) * 3.0
    low, high, zero, gain = -8, 7, 2, 0.37
    weight = torch.randn(400, generator=generator)
    leaves = values.clone().requires_grad_(), torch.tensor([0.41]).requires_grad_()
    oracle = torch._fake_quantize_learnable_per_tensor_affine(  # pyright: ignore
        *leaves, torch.tensor([float(zero)]), low, high, gain
    )
    torch.autograd.backward((oracle * weight).sum())
    v, step = values.clone().requires_grad_(), torch.tensor([0.41]).requires_grad_()
    codes = torch.clamp(torch.round(values / step.detach()) + zero, low, high)
    made = (codes - zero) * step.detach()
    inside = (torch.round(values / 0.41) + zero >= low) & (
        torch.round(values / 0.41) + zero <= high
    )
    ours = stepped(made, v, inside, step, gain)
    torch.testing.assert_close(ours, oracle)
    torch.autograd.backward((ours * weight).sum())
    torch.testing.assert_close(v.grad, leaves[0].grad)
    # Sums of 400 terms in float32, in another order.
    torch.testing.assert_close(step.grad, leaves[1].grad, rtol=1e-4, atol=1e-4)


def test_values_pass_exactly_and_slopes_only_inside() -> None:
    made = torch.tensor([0.1, 0.7, -3.0])
    v = torch.tensor([0.123456, 5e7, -4.0]).requires_grad_()
    out = straight(made, v, torch.tensor([True, False, True]))
    assert torch.equal(out, made)
    torch.autograd.backward(out.sum())
    assert v.grad is not None
    assert list(v.grad) == [1.0, 0.0, 1.0]


def test_tops_learn_from_what_they_clip() -> None:
    v = torch.tensor([0.5, 2.0, 3.0]).requires_grad_()
    top = torch.tensor(2.0).requires_grad_()
    out = clipped(torch.tensor([0.4, 2.0, 2.0]), v, v.detach() <= 2.0, top)
    torch.autograd.backward((out * torch.tensor([1.0, 10.0, 100.0])).sum())
    assert top.grad is not None
    assert v.grad is not None
    assert top.grad.item() == 110.0
    assert list(v.grad) == [1.0, 10.0, 0.0]


def problem() -> tuple[Graph, Data]:
    """Return an untrained network of 8 features, and 192 points in four classes by two signs."""
    b = GraphBuilder("signs", 1, 8, seed=3)
    hidden = b.linear("fc1", "x", 24, activation="relu")
    x = np.random.default_rng(0).normal(size=(192, 8))
    y = 2 * (x[:, 0] + x[:, 1] > 0) + (x[:, 2] - x[:, 3] > 0)
    return b.done(b.linear("fc2", hidden, 4)), Data(x=x, y=y.astype(np.int64))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "way"),
    [
        ("activations=4,weights=2,clip=mse", ""),
        ("activations=4,weights=2,clip=mse", ",method=lsq"),
        ("activations=4,weights=2,clip=mse", ",method=pact"),
        ("activations=4,weights=2,clip=mse", ",optimizer=adam,learning_rate=0.01"),
        ("activations=4,weights=2,scheme=ternary", ""),
        ("activations=4,weights=1,scheme=binary", ""),
    ],
)
def test_it_makes_up_for_few_bits(encoding: str, way: str) -> None:
    graph, data = problem()
    floats = parse("finetune{epochs=20,learning_rate=0.1}").apply(graph, data)
    rate = "" if "rate" in way else ",learning_rate=0.05"
    rounded = parse(f"quantize{{{encoding}}}").apply(floats, data)
    trained = step_of(f"epochs=20,{encoding}{way}{rate}").apply(floats, data)
    before, after = (accuracy(g, data, "tflite-ref").top1 for g in (rounded, trained))
    # Seen: 8 to 17 points.
    assert after >= before + 0.05


class Stopped(Unwatched):
    """Takes notes, and starts from one."""

    def __init__(self, state: Mapping[str, Array] | None = None) -> None:
        self.states: list[Mapping[str, Array]] = []
        self._state = state

    def keep(self, state: Mapping[str, Array]) -> None:
        self.states.append(state)

    def kept(self) -> Mapping[str, Array] | None:
        return self._state


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ste", "lsq", "pact"])
def test_ranges_steps_and_tops_are_part_of_what_is_kept(method: str) -> None:
    step = step_of(f"method={method},clip=max,epochs=3,range_epochs=2,batch_size=8,activations=4")
    data, whole = labelled(residual()), Stopped()
    expected = everything(step.compress(residual(), Workbench(data=data, watcher=whole)))
    for state in whole.states:
        bench = Workbench(data=data, watcher=Stopped(state))
        assert everything(step.compress(residual(), bench)) == expected


@pytest.mark.slow
def test_equal_seeds_give_equal_graphs_and_leave_the_first_alone() -> None:
    graph, before = gated(), everything(gated())
    step = Qat(clip="max", epochs=2, batch_size=8)
    assert everything(step.apply(graph, labelled(graph))) == everything(
        step.apply(gated(), labelled(graph))
    )
    assert everything(graph) == before
    other = Qat(clip="max", epochs=2, batch_size=8, seed=1)
    assert everything(other.apply(graph, labelled(graph))) != everything(
        step.apply(graph, labelled(graph))
    )


def weights(before: Graph, after: Graph) -> list[tuple[Weight, Weight]]:
    """Return the weights of layers in two graphs, by name."""
    found = {node.name: node.op.weight for node in before.nodes if node.op.weight is not None}
    pairs = [(found.get(node.name), node.op.weight) for node in after.nodes]
    return [(left, right) for left, right in pairs if left is not None and right is not None]


@pytest.mark.slow
def test_what_earlier_steps_made_stays() -> None:
    data = labelled(mlp())
    pruned = parse("prune{sparsity=0.6}").apply(mlp(), data)
    trained = Qat(epochs=2, weights=4).apply(pruned, data)
    for left, right in weights(pruned, trained):
        assert not right.codes[left.codes == 0].any()
        assert right.format == left.format
    chosen = parse("quantize{activations=32,weights=3}").apply(mlp(), data)
    trained = Qat(epochs=2, learning_rate=0.1).apply(chosen, data)
    for left, right in weights(chosen, trained):
        np.testing.assert_array_equal(left.codes, right.codes)
        assert left.quant == right.quant


def test_it_prints_as_the_spec_that_makes_it() -> None:
    for spec in ("qat", "qat{weights=2,method=lsq,numerics=xnnpack}"):
        assert str(parse(spec)) == spec
    assert Qat(weights=2).data_need == "labelled"


@pytest.mark.parametrize(
    "settings",
    ["weights=1", "activations=0", "activations=24", "activations=1,method=lsq",
     "scheme=binary,weights=1,method=lsq",
     "activations=32,method=pact", "numerics=cortex_m7", "observer=entropy,activations=16",
     "layer_weights=conv", "epochs=0"],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(settings: str) -> None:
    with pytest.raises(RecipeError, match=r"^[^\n]*$"):
        step_of(settings)
    with pytest.raises(ValidationError):
        Qat(epochs=0)


def test_refusals_say_what_would_do() -> None:
    data = labelled(mlp())
    integers = Quantize().apply(mlp(), data)
    with pytest.raises(RecipeError, match="expected a graph of floats"):
        Qat().apply(integers, data)
    with pytest.raises(RecipeError, match="expected inputs with labels, got no y"):
        Qat().apply(mlp(), replace(data, y=None))
    with pytest.raises(UnsupportedError, match="policy 'ort' has no conv2d of 16-bit activations"):
        Qat(activations=16, numerics="ort").apply(mlp(), data)


def test_importing_it_does_not_import_torch() -> None:
    code = (
        "import sys, compressors.qat, compressors.iterative_clip; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
