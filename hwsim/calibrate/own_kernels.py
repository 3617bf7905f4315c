"""Our own kernels as a runtime of this host: layers stored sparse run by their stored weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.formats import Block, Dense
from hwsim.jit import direct
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.stored import SCATTERED
from hwsim.numerics import find_policy
from hwsim.ops import Conv2d, Linear
from hwsim.plan.gain import runs_of
from hwsim.plan.heavy import end_of
from hwsim.plan.instruction import OPCODE
from hwsim.plan.opcodes import ENTER, LEAVE
from hwsim.plan.place import Part
from hwsim.plan.planner import compile_segment, plan_graph, site_of
from hwsim.plan.segment import aligned_copy
from hwsim.plan.sparse import sparse
from hwsim.plan.walk import run_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.formats import Format
    from hwsim.graph import Graph, Node
    from hwsim.plan.segment import Segment

POLICY = "tflite-ref"


def prepared(graph: Graph) -> Callable[[], object]:
    """Return what runs one inference of random codes on one core, copies at its ends left out.

    A layer alone whose weight is stored sparse runs by its stored weights, also where a plan would
    find the dense way faster: what is measured is what the format costs.

    Raises:
        UnsupportedError: It has no compiled form, or none that multiplies as the format stores.
    """
    segment = _segment(graph)
    # Codes lie in the arena already: a layer within a network finds them there.
    table = segment.table[~np.isin(segment.table[:, OPCODE], (ENTER, LEAVE))]
    rng = np.random.default_rng(0)
    arena = aligned_copy(rng.integers(0, 256, segment.arena.size).astype(np.uint8))
    constants, nothing, call = aligned_copy(segment.constants), arena[:0], direct(run_samples)
    return lambda: call(table, constants, arena, nothing, nothing, 1)


def _segment(graph: Graph) -> Segment:
    weight = graph.nodes[0].op.weight
    if len(graph.nodes) == 1 and weight is not None and not isinstance(weight.format, Dense):
        return _stored(graph, graph.nodes[0], weight.format)
    steps = plan_graph(graph, find_policy(POLICY), graph.outputs)
    segment = steps[0].segment
    if len(steps) > 1 or segment is None:
        raise UnsupportedError(f"{graph.name}: expected a model with one compiled form, got none")
    return segment


def _stored(graph: Graph, node: Node, format_: Format) -> Segment:
    """Return the compiled form of a layer alone that multiplies its stored weights."""
    op, site = node.op, site_of(graph, node, find_policy(POLICY))
    assert isinstance(op, Conv2d | Linear)
    rows = format_.rows if isinstance(format_, Block) else SCATTERED
    end = end_of(op, site, op.rounding(site.numerics))
    made = None if end is None else sparse(runs_of(op, site), end, native(), rows)
    if made is None:
        raise UnsupportedError(
            f"{graph.name}/{node.name}: no kernel here multiplies {format_.name} weights of "
            f"{op.kind} as they are stored"
        )
    part = Part(node=node, instructions=(made,))
    return compile_segment(graph, (part,), {}, {node.outputs[0]})
