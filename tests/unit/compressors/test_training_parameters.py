"""What earlier steps made of weights stays: shared values, chosen codes, frozen parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from compressors.finetune import Finetune
from compressors.training import Course, Twin, train
from compressors.training.parameters import Free, Held, Masked, Tied, parameter_of
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.formats import Codebook
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.ops import Linear
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, with_op

TABLE = np.array([-0.5, 0.0, 0.25, 1.0], np.float32)


def network(weight: Weight) -> Graph:
    b = GraphBuilder("toy", 1, 8)
    graph = b.done(b.linear("fc", "x", 4))
    return with_op(graph, "fc", weight=weight)


def shared() -> Weight:
    index = np.random.default_rng(0).integers(0, 4, (4, 8))
    return Weight(codes=TABLE[index], format=Codebook())


def data() -> Data:
    x = np.random.default_rng(1).normal(size=(64, 8))
    return Data(x=x, y=np.arange(64) % 4)


def weight_of(graph: Graph) -> Weight:
    op = graph.nodes[0].op
    assert isinstance(op, Linear)
    return op.weight


def test_the_gradient_of_a_shared_value_is_the_sum_of_its_weights() -> None:
    weight = shared()
    x = torch.tensor(data().x, dtype=torch.float32)
    y = torch.tensor(data().y)
    twin = Twin(network(weight))
    torch.autograd.backward(functional.cross_entropy(twin.logits(x[:, None]), y))
    tied = twin.parameter("fc", "weight")
    assert isinstance(tied, Tied)
    assert tied.table.grad is not None
    free = torch.tensor(weight.codes).requires_grad_()
    bias = twin.constants("fc")["bias"].detach()
    torch.autograd.backward(functional.cross_entropy(functional.linear(x, free, bias), y))
    assert free.grad is not None
    sums = [float(free.grad[torch.tensor(weight.codes == value)].sum()) for value in TABLE]
    expected = torch.tensor([sums[0], 0.0, sums[2], sums[3]])
    # Sums of some ten terms of float32 in two orders.
    torch.testing.assert_close(tied.table.grad, expected, rtol=1e-5, atol=1e-6)


def test_shared_weights_stay_shared_and_zeros_zero() -> None:
    before = shared()
    after = weight_of(train(network(before), data(), Course(epochs=3, learning_rate=0.1)))
    assert after.format == before.format
    for value in TABLE:
        assert len(np.unique(after.codes[before.codes == value])) == 1
    assert not after.codes[before.codes == 0].any()
    assert (after.codes[before.codes != 0] != before.codes[before.codes != 0]).all()
    assert len(np.unique(after.codes)) == 4


def decoded() -> Weight:
    quant = Quant(scale=(0.1,), bits=4)
    codes = np.random.default_rng(0).integers(-7, 8, (4, 8)).astype(np.int8)
    return Weight(codes=codes, quant=quant, is_decoded=True)


def test_codes_that_were_chosen_stay_while_the_rest_learns() -> None:
    graph = network(decoded())
    tuned = Finetune(epochs=3, learning_rate=0.1).apply(graph, data())
    before, after = graph.nodes[0].op, tuned.nodes[0].op
    assert isinstance(before, Linear)
    assert isinstance(after, Linear)
    np.testing.assert_array_equal(before.weight.codes, after.weight.codes)
    assert after.weight.quant == before.weight.quant
    assert before.bias is not None
    assert after.bias is not None
    assert not np.array_equal(before.bias.codes, after.bias.codes)


def test_integers_that_nobody_decodes_are_refused() -> None:
    weight = Weight(codes=decoded().codes, quant=decoded().quant)
    with pytest.raises(RecipeError, match="got int4 weights beside inputs quantized as they come"):
        Twin(network(weight))


def test_part_of_a_constant_can_be_held() -> None:
    graph = network(Weight(codes=np.full((4, 8), 0.1, np.float32)))
    twin = Twin(graph)
    where = np.arange(32).reshape(4, 8) % 2 == 0
    twin.hold("fc", "weight", np.full((4, 8), 2.0), where)
    x = torch.tensor(data().x, dtype=torch.float32)[:, None]
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    torch.autograd.backward(functional.cross_entropy(twin.logits(x), torch.tensor(data().y)))
    optimizer.step()  # pyright: ignore[reportUnknownMemberType]
    codes = weight_of(twin.graph()).codes
    assert (codes[where] == 2.0).all()
    assert (codes[~where] != np.float32(0.1)).all()


def test_each_kind_of_weight_has_its_parameter() -> None:
    dense = Weight(codes=np.full((2, 2), 0.5, np.float32))
    pruned = Weight(codes=np.eye(2, dtype=np.float32))
    bias = Weight(codes=np.zeros(2, np.float32))
    kinds = [(dense, Free), (pruned, Masked), (shared(), Tied), (decoded(), Held), (bias, Free)]
    for weight, kind in kinds:
        parameter = parameter_of(weight, is_held=False)
        assert isinstance(parameter, kind)
        np.testing.assert_allclose(parameter().detach().numpy(), weight.real(), rtol=1e-7)
    assert isinstance(parameter_of(dense, is_held=True), Held)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_shrinks_weights_and_spares_biases(optimizer: str) -> None:
    graph = network(Weight(codes=np.full((4, 8), 1.0, np.float32)))
    settings = {"epochs": 1, "optimizer": optimizer, "learning_rate": 0.01}
    x = Data(x=np.zeros((64, 8)), y=np.arange(64) % 4)
    still = Finetune.model_validate(settings).apply(graph, x)
    decayed = Finetune.model_validate(settings | {"weight_decay": 1.0}).apply(graph, x)
    # Inputs of zeros give the weights no gradient.
    assert (weight_of(still).codes == 1.0).all()
    assert (weight_of(decayed).codes < 1.0).all()
    biases = [node.op.bias for g in (still, decayed) for node in g.nodes
              if isinstance(node.op, Linear)]  # fmt: skip
    assert biases[0] is not None
    assert biases[1] is not None
    np.testing.assert_array_equal(biases[0].codes, biases[1].codes)
