"""Loops over bytes: every element once, at the right place."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Shape
from hwsim.plan.loops import DEPTH, broadcast_strides, nest, strides_of

shapes = st.lists(st.integers(1, 4), min_size=0, max_size=5).map(tuple)


def walked(loops: tuple[int, ...], operand: int) -> list[int]:
    """Return the offsets that the loops visit."""
    extents, steps = loops[:DEPTH], loops[(1 + operand) * DEPTH : (2 + operand) * DEPTH]
    indices = product(*(range(extent) for extent in extents))
    return [sum(i * s for i, s in zip(index, steps, strict=True)) for index in indices]


@given(shape=shapes)
def test_dense_operands_are_one_line(shape: Shape) -> None:
    loops = nest(shape, strides_of(shape), strides_of(shape))
    assert loops is not None
    assert loops[: DEPTH - 1] == (1,) * (DEPTH - 1)
    assert walked(loops, 0) == walked(loops, 1) == list(range(math.prod(shape)))


@given(shape=shapes, data=st.data())
def test_transposed_operands_are_walked_in_their_order(shape: Shape, data: st.DataObject) -> None:
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    numbers = np.arange(math.prod(shape)).reshape(shape)
    turned = numbers.transpose(axes)
    steps = strides_of(shape)
    loops = nest(turned.shape, tuple(steps[axis] for axis in axes), strides_of(turned.shape))
    assert loops is not None
    assert walked(loops, 0) == turned.reshape(-1).tolist()
    assert walked(loops, 1) == list(range(turned.size))


@given(shape=shapes, data=st.data())
def test_repeated_operands_are_walked_as_numpy_broadcasts_them(
    shape: Shape, data: st.DataObject
) -> None:
    kept = tuple(data.draw(st.sampled_from([1, extent])) for extent in shape)
    kept = kept[data.draw(st.integers(0, len(kept))) :] if all(e == 1 for e in kept[:1]) else kept
    numbers = np.arange(math.prod(kept)).reshape(kept)
    loops = nest(shape, broadcast_strides(kept, shape), strides_of(shape))
    assert loops is not None
    assert walked(loops, 0) == np.broadcast_to(numbers, shape).reshape(-1).tolist()


@pytest.mark.parametrize(
    ("shape", "is_nested"),
    [((2,) * DEPTH, True), ((2, 1) * DEPTH, True), ((2,) * (DEPTH + 1), False)],
)
def test_how_deep_loops_may_be(shape: Shape, *, is_nested: bool) -> None:
    steps = strides_of(shape)
    loops = nest(shape, tuple(reversed(steps)), steps)
    assert (loops is not None) == is_nested
