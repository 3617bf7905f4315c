"""Dead networks, against looking: a network is alive where some input changes its output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hwsim.channels.layers import layers_of
from hwsim.execute import run
from hwsim.matrix.dead import is_dead
from hwsim.ops import Add, AveragePool2d, Concat, Softmax
from tests.graphs import GraphBuilder

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.graph import Graph
    from hwsim.op import Op


def chain() -> Graph:
    b = GraphBuilder("chain", 1, 6, 6, 2)
    x = b.conv("a", "x", 4, 3)
    x = b.conv("b", x, 4, 3)
    return b.done(b.linear("fc", b.flat("flat", x), 3))


def residual() -> Graph:
    b = GraphBuilder("residual", 1, 4, 4, 2)
    x = b.conv("stem", "x", 4, 1)
    y = b.conv("one", x, 4, 1)
    y = b.conv("two", y, 4, 1)
    x = b.add("sum", Add(), y, x)
    x = b.add("pool", AveragePool2d(kernel=(4, 4), stride=(1, 1)), x)
    return b.done(b.add("soft", Softmax(), b.linear("fc", b.flat("flat", x), 3)))


def joined() -> Graph:
    b = GraphBuilder("joined", 1, 4, 4, 2)
    y, z = b.conv("left", "x", 3, 1), b.conv("right", "x", 3, 1)
    return b.done(b.conv("last", b.add("both", Concat(axis=3), y, z), 2, 1))


def without(graph: Graph, **kept: Array) -> Graph:
    """Return the graph with weights of some layers multiplied by masks."""
    ops = layers_of(graph)
    made: dict[str, Op] = {}
    for name, mask in kept.items():
        op = ops[name]
        codes = np.where(np.broadcast_to(mask, op.weight.shape), op.weight.codes, 0)
        made[name] = replace(
            op, weight=replace(op.weight, codes=codes.astype(op.weight.codes.dtype))
        )
    return graph.with_ops(made)


def changes(graph: Graph) -> bool:
    """Return whether the output of random inputs is not always the same."""
    (tensor,) = graph.inputs
    rng = np.random.default_rng(0)
    shape = graph.tensors[tensor].shape
    outputs = [run(graph, rng.normal(size=shape).astype(np.float32)) for _ in range(4)]
    return any(not np.array_equal(outputs[0], other) for other in outputs[1:])


NONE = np.zeros((1, 1, 1, 1), bool)
FIRST, SECOND = np.arange(4) < 2, np.arange(4) >= 2


@pytest.mark.parametrize(
    ("graph", "dead"),
    [
        (chain(), False),
        (without(chain(), a=NONE), True),
        (without(chain(), b=NONE), True),
        (without(chain(), fc=NONE[0, 0]), True),
        # Weights are left in every layer, and do not meet.
        (without(chain(), a=FIRST[:, None, None, None], b=SECOND), True),
        (without(chain(), a=FIRST[:, None, None, None], b=FIRST), False),
        # A branch is dead, its shortcut carries on.
        (without(residual(), one=NONE), False),
        (without(residual(), one=NONE, two=NONE), False),
        (without(residual(), stem=NONE), True),
        (without(joined(), left=NONE), False),
        (without(joined(), left=NONE, right=NONE), True),
        (without(joined(), left=NONE, last=np.arange(6) < 3), True),
        (without(joined(), left=NONE, last=np.arange(6) >= 3), False),
    ],
)
def test_it_is_what_running_shows(graph: Graph, dead: bool) -> None:
    assert is_dead(graph) is dead
    assert changes(graph) is not dead
