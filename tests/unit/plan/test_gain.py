"""Which layers are multiplied by their stored weights alone: and that no plan's bytes show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from hwsim.errors import FormatError
from hwsim.formats import Dense
from hwsim.formats.find import find_format
from hwsim.graph import Graph, Node, validate
from hwsim.kernels.micro.isa import Isa, native
from hwsim.kernels.micro.stored import SCATTERED
from hwsim.numerics import POLICIES, Numerics
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear
from hwsim.plan import gain
from hwsim.plan.gain import best_rows, runs_of
from hwsim.plan.opcodes import SPARSE
from hwsim.plan.planner import plan_graph
from hwsim.plan.select import instructions_of
from tests.unit.plan.test_heavy import SAME, Spec, made
from tests.unit.plan.test_sparse import pruned

pytestmark = pytest.mark.slow

LARGE: Final = Spec(channels=64, out=64, size=(16, 16), kernel=(3, 3), padding=SAME)
ROWS: Final = Spec(channels=256, out=128, is_linear=True, images=64)
STORED: Final = ("csr", "bitmask", "bsr4x4", "bsr1x4", "1:4")


def layer(
    spec: Spec, chance: float, name: str, block: tuple[int, int] = (1, 1)
) -> tuple[Conv2d | Linear, Site]:
    op, site, _ = made(spec)
    op = pruned(op, (chance, block))
    if name == "1:4":
        matrix = op.weight.matrix.copy()
        matrix[:, np.arange(matrix.shape[1]) % 4 != 1] = 0
        codes = matrix.reshape(op.weight.shape)
        op = replace(op, weight=replace(op.weight, codes=codes))
    return replace(op, weight=replace(op.weight, format=find_format(name))), site


def is_sparse(op: Conv2d | Linear, site: Site) -> bool:
    instructions = instructions_of(op, site)
    assert instructions is not None
    return instructions[0].opcode == SPARSE


@pytest.mark.parametrize("spec", [LARGE, ROWS], ids=["convolution", "linear"])
@pytest.mark.parametrize("name", STORED)
def test_many_zeros_are_left_out(name: str, spec: Spec) -> None:
    assert is_sparse(*layer(spec, 0.95, name, (4, 4) if name == "bsr4x4" else (1, 1)))


def test_what_is_stored_dense_stays_dense() -> None:
    op, site = layer(LARGE, 0.95, "csr")
    for name in ("dense", "codebook", "huffman"):
        assert not is_sparse(replace(op, weight=replace(op.weight, format=find_format(name))), site)


@pytest.mark.parametrize("name", ["csr", "bitmask"])
@pytest.mark.parametrize(
    "spec",
    [LARGE, ROWS, replace(LARGE, groups=2, channels=128), replace(ROWS, images=1)],
    ids=["convolution", "linear", "groups", "one row"],
)
def test_few_zeros_are_not_worth_it(spec: Spec, name: str) -> None:
    assert not is_sparse(*layer(spec, 0.3, name))


def test_more_zeros_never_turn_it_back() -> None:
    found = [is_sparse(*layer(LARGE, chance, "csr")) for chance in np.arange(0, 1.01, 0.05)]
    assert found == sorted(found)
    assert not found[0]
    assert found[-1]


def test_blocks_are_found_where_they_are() -> None:
    heights = {
        block: best_rows(runs_of(*layer(LARGE, 0.9, "csr", block)), native())
        for block in ((1, 1), (1, 4), (4, 4))
    }
    assert heights[1, 1] == SCATTERED
    assert heights[4, 4] == 4
    assert heights[1, 4] in (1, 2)


def test_columns_that_are_no_quads_are_scattered() -> None:
    spec = replace(LARGE, channels=66)
    assert best_rows(runs_of(*layer(spec, 0.9, "csr", (4, 4))), native()) == SCATTERED


def test_a_pattern_that_does_not_fit_is_refused() -> None:
    op, site = layer(LARGE, 0.9, "csr")
    with pytest.raises(FormatError):
        instructions_of(replace(op, weight=replace(op.weight, format=find_format("1:4"))), site)


def test_without_an_instruction_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    op, site = layer(LARGE, 0.95, "csr")

    def refused(_: Isa) -> bool:
        return False

    monkeypatch.setattr(gain, "is_multiplied", refused)
    assert gain.instructions(op, site) is None


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("spec", [LARGE, ROWS], ids=["convolution", "linear"])
def test_plans_of_every_policy_give_the_same_bytes(policy: Numerics, spec: Spec) -> None:
    _, _, samples = made(spec)

    def ran(name: str) -> np.ndarray:
        op, site = layer(spec, 0.92, "csr")
        op = replace(op, weight=replace(op.weight, format=find_format(name)))
        node = Node(name="op", op=op, inputs=("x",), outputs=("y",))
        tensors = {"x": site.inputs[0], "y": site.outputs[0]}
        graph = validate(
            Graph(name="net", inputs=("x",), outputs=("y",), tensors=tensors, nodes=(node,))
        )
        (step,) = plan_graph(graph, policy, ("y",))
        return step.run(samples)[0]

    np.testing.assert_array_equal(ran("csr"), ran("dense"))


def test_dense_is_what_a_weight_is_by_default() -> None:
    op, _, _ = made(LARGE)
    assert isinstance(op.weight.format, Dense)
