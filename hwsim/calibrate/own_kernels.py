"""Our own kernels as a runtime of this host: layers stored sparse run by their stored weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.execute import prepare
from hwsim.formats import Block, Dense
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.stored import SCATTERED
from hwsim.numerics import find_policy
from hwsim.ops import Conv2d, Linear
from hwsim.plan.gain import runs_of
from hwsim.plan.heavy import end_of
from hwsim.plan.place import Part
from hwsim.plan.planner import compile_segment, plan_graph, site_of
from hwsim.plan.sparse import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array
    from hwsim.formats import Format
    from hwsim.graph import Graph, Node
    from hwsim.plan.segment import Segment

POLICY = "tflite-ref"


def prepared(graph: Graph) -> Callable[[], object]:
    """Return what runs one inference of random codes on one core.

    A layer alone whose weight is stored sparse runs by its stored weights, also where a plan would
    find the dense way faster: what is measured is what the format costs.

    Raises:
        UnsupportedError: Kernels are interpreted, or there is none for the format here.
    """
    x = [_codes(graph, name, seed) for seed, name in enumerate(graph.inputs)]
    weight = graph.nodes[0].op.weight
    if len(graph.nodes) == 1 and weight is not None and not isinstance(weight.format, Dense):
        segment = _stored(graph, graph.nodes[0], weight.format)
        given, made = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        run_one = segment.bind_one(given, made.shape)
        return lambda: run_one(x[0])
    if len(x) == 1:
        run = prepare(graph, POLICY)
        return lambda: run(x[0])
    # Layers of two inputs.
    (step,) = plan_graph(graph, find_policy(POLICY), graph.outputs)
    stacked = [codes[None] for codes in x]
    return lambda: step.run(*stacked)


def _codes(graph: Graph, name: str, seed: int) -> Array:
    type_ = graph.tensors[name]
    assert type_.quant is not None  # Only integer layers come here.
    codes = np.random.default_rng(seed).integers(type_.quant.low, type_.quant.high + 1, type_.shape)
    return codes.astype(type_.quant.dtype)


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
