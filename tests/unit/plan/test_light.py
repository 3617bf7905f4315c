"""Instructions of light ops: the integers of the ops themselves, under every policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.arrays import Array, Shape
from hwsim.graph import Graph, Node
from hwsim.jit import IS_COMPILED
from hwsim.numerics import POLICIES, Numerics, Quant, find_policy
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    Elementary,
    Linear,
    MaxPool2d,
    Mean,
    Mul,
    Softmax,
    Sub,
    Transpose,
)
from hwsim.plan.place import Part
from hwsim.plan.planner import compile_segment
from hwsim.plan.select import instructions_of
from tests.cases import CASES, PROBABILITY, UNSIGNED, A, B, C, Case, case

policies = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
LIGHT = {name: entry for name, entry in CASES.items() if not isinstance(entry.op, Conv2d | Linear)}
# Interpreted loops are slow, and look at every index.
SAMPLES = 21 if IS_COMPILED else 2


def planned(entry: Case, policy: Numerics, operands: tuple[Array, ...]) -> Array | None:
    """Return what the instructions of a case make of `operands`, None where it has none."""
    instructions = instructions_of(entry.op, entry.site(policy))
    if instructions is None:
        return None
    names = tuple(f"x{i}" for i in range(len(entry.inputs)))
    node = Node(name="op", op=entry.op, inputs=names, outputs=("y",))
    graph = Graph(
        name="net",
        inputs=names,
        outputs=("y",),
        tensors=dict(zip((*names, "y"), (*entry.inputs, *entry.outputs), strict=True)),
        nodes=(node,),
    )
    part = Part(node=node, instructions=instructions)
    (codes,) = compile_segment(graph, (part,), {}, {"y"}).bind()(*operands)
    return codes


def assert_same(entry: Case, policy: Numerics, seed: int = 0, samples: int = SAMPLES) -> None:
    operands = entry.samples(samples, seed)
    got = planned(entry, policy, operands)
    assert got is not None
    (expected,) = entry.op.prepare(entry.site(policy))(*operands)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


def cases() -> Iterator[Any]:
    for name, entry in LIGHT.items():
        for policy in POLICIES:
            site = entry.site(policy)
            if entry.is_integer and site.inputs and instructions_of(entry.op, site) is not None:
                yield pytest.param(entry, policy, id=f"{name}-{policy.name}")


@pytest.mark.parametrize(("entry", "policy"), list(cases()))
def test_instructions_give_the_integers_of_the_op(entry: Case, policy: Numerics) -> None:
    assert_same(entry, policy)


# Every combination of codes once: what sums, products and pools of exact ties do to the last bit.
ALL_PAIRS = (1, 256, 256)
TIES = tuple(Quant(scale=(2.0**-k,), zero_point=(k - 5,)) for k in range(1, 6))


@pytest.mark.slow
@policies
@pytest.mark.parametrize("op", [Add(), Sub(), Add(activation="relu"), Mul()], ids=str)
@pytest.mark.parametrize("y", [A, C, TIES[0], TIES[3]], ids=lambda y: f"{y.scale[0]:.3g}")
@pytest.mark.parametrize(
    "x", [(A, B), (TIES[1], TIES[4]), (UNSIGNED, TIES[2]), (TIES[0], TIES[0])], ids=str
)
def test_all_pairs_of_codes(
    op: Add | Sub | Mul, x: tuple[Quant, Quant], y: Quant, policy: Numerics
) -> None:
    entry = case(op, ALL_PAIRS, ALL_PAIRS, x=x, y=y)
    left, right = np.meshgrid(
        *(np.arange(q.low, q.high + 1).astype(q.dtype) for q in x), indexing="ij"
    )
    operands = left[None, None], right[None, None]
    got = planned(entry, policy, operands)
    if got is None:
        assert policy.add == "shift20_lanes"
        return
    (expected,) = op.prepare(entry.site(policy))(*operands)
    np.testing.assert_array_equal(got, expected)


WIDE_SHAPES: dict[str, Case] = {
    # Long lines, so that whole vectors run, and odd ends.
    "add": case(Add(), (1, 9, 11, 37), (1, 9, 11, 37), x=(B, A)),
    "add_channels": case(Add(), (1, 9, 11, 37), (37,), x=(B, A)),
    "add_left": case(Add(), (1, 1, 1, 37), (1, 9, 11, 37), x=(C, A)),
    "add_rows": case(Add(), (2, 5, 7), (2, 5, 1), x=(C, A)),
    "add_outer": case(Add(), (5, 1, 3, 1, 4), (1, 6, 1, 2, 1), x=(C, A)),
    "sub_scalar": case(Sub(), (3, 50), (1, 1), x=(A, UNSIGNED)),
    "mul_gate": case(Mul(), (1, 9, 11, 37), (1, 1, 1, 37), x=(A, UNSIGNED)),
    "average": case(
        AveragePool2d(kernel=(5, 3), stride=(2, 1), padding=((2, 2), (1, 1))),
        (2, 13, 11, 67), x=TIES[2], y=TIES[2],
    ),
    "average_zeros": case(
        AveragePool2d(kernel=(4, 4), stride=(3, 2), padding=((1, 3), (2, 0)), count_padding=True),
        (1, 13, 11, 67), x=UNSIGNED, y=UNSIGNED,
    ),
    "average_all": case(AveragePool2d(kernel=(50, 40), stride=(1, 1)), (1, 50, 40, 3), y=A),
    "average_two": case(
        AveragePool2d(kernel=(1, 2), stride=(1, 2), activation="relu6"), (1, 8, 512, 1), y=A
    ),
    "max": case(
        MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), activation="relu"),
        (2, 13, 11, 67), x=C,
    ),
    "mean": case(Mean(axes=(1, 2)), (2, 7, 7, 65)),
    "mean_inner": case(Mean(axes=(2,)), (3, 5, 21), x=TIES[1], y=TIES[2]),
    "concat": case(Concat(axis=-1), (1, 9, 11, 37), (1, 9, 11, 64), x=(A, C)),
    "transpose": case(Transpose(axes=(4, 2, 0, 3, 1)), (2, 3, 4, 5, 6), y=A),
    "swish": case(Elementary(function="hard_swish"), (2, 999), x=UNSIGNED, y=B),
    "narrow": case(
        Elementary(function="relu"), (2, 99), x=replace(A, bits=4, zero_point=(1,)), y=C
    ),
    "softmax": case(Softmax(), (7, 1001), x=replace(A, scale=(0.21,)), y=PROBABILITY),
    "softmax_sharp": case(Softmax(beta=9.0), (7, 3), x=C, y=PROBABILITY),
}  # fmt: skip


@pytest.mark.slow
@policies
@pytest.mark.parametrize("name", WIDE_SHAPES)
def test_long_lines_and_odd_ends(name: str, policy: Numerics) -> None:
    entry = WIDE_SHAPES[name]
    if instructions_of(entry.op, entry.site(policy)) is None:
        pytest.skip(f"{name} has no instructions under {policy.name}")
    for seed in range(3):
        assert_same(entry, policy, seed)


@pytest.mark.slow
def test_averages_of_windows_of_every_size() -> None:
    """Quotients that are whole, or just below, are where a float32 division might go wrong."""
    for count in range(2, 130):
        pool = AveragePool2d(kernel=(1, count), stride=(1, count))
        entry = case(pool, (1, 1, 300 * count, 1), y=A)
        assert_same(entry, find_policy("tflite-ref"), seed=count, samples=1)


EXPECTED = [*WIDE_SHAPES, "slice", "pad", "requantize", "concat_recoded", "reshape_recoded"]


@pytest.mark.parametrize("name", EXPECTED)
def test_what_has_instructions_keeps_them(name: str) -> None:
    entry = {**CASES, **WIDE_SHAPES}[name]
    assert instructions_of(entry.op, entry.site(find_policy("tflite-ref"))) is not None


DEEP: Shape = (2, 3, 2, 3, 2, 3)
WITHOUT: dict[str, Case] = {
    "16 bits": CASES["add_16_bits"],
    "reals": CASES["quantize"],
    "average_recoded": CASES["average_pool_recoded"],
    "softmax_recoded": CASES["softmax_other_scale"],
    "six axes": case(Transpose(axes=(5, 4, 3, 2, 1, 0)), DEEP, y=A),
    "scattered axes": case(Mean(axes=(0, 2)), (2, 3, 2)),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_none_is_left_to_the_op(name: str) -> None:
    entry = WITHOUT[name]
    assert instructions_of(entry.op, entry.site(find_policy("tflite-ref"))) is None
