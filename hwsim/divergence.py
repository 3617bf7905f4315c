"""Where two runs of a model part first, and which rounding would explain it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import DataError, UnsupportedError
from hwsim.numerics import POLICIES
from hwsim.numerics.rounding import ROUNDINGS
from hwsim.op import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Numerics

# float32 sums in another order differ by about this part of the largest value of a tensor.
REAL_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The node run once more, from the peer's own operands, under other numerics.

    Attributes:
        name: Of the policy or rounding.
        meaning: What it does, in words; empty for a policy.
        differing: How many values still differ from the peer's.
    """

    name: str
    meaning: str
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first difference.

    Attributes:
        node: The first in execution order with a result that differs.
        kind: Of its op.
        tensor: That result.
        sample: The first with a difference.
        index: Of the first element that differs in that sample, batch axis included.
        ours: The value there.
        theirs: The peer's.
        differing: How many values of the tensor differ.
        values: How many it has, over all samples.
        largest: The largest difference in it.
        unseen: Operands of the node that the peer does not give; what differs may come from there.
        policies: Each policy, tried on this node; empty for reals.
        roundings: Each rounding; empty where none has a say.
    """

    node: str
    kind: str
    tensor: str
    sample: int
    index: tuple[int, ...]
    ours: float
    theirs: float
    differing: int
    values: int
    largest: float
    unseen: tuple[str, ...]
    policies: tuple[Trial, ...]
    roundings: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared, and the first difference.

    Attributes:
        tensors: How many results of nodes were compared, up to and with the first that differs.
        values: How many values they have.
        skipped: Results of nodes before that which the peer does not give, or in another shape.
        divergence: None where nothing differs.
    """

    tensors: int
    values: int
    skipped: tuple[str, ...]
    divergence: Divergence | None


def compare(
    graph: Graph, ours: Mapping[str, Array], theirs: Mapping[str, Array], numerics: Numerics
) -> Comparison:
    """Return the first node, in execution order, whose results differ.

    Integers are compared exactly, reals to 1e-5 of the tensor's largest.

    Args:
        graph: The model.
        ours: Every tensor of it, [samples, *shape] each.
        theirs: Tensors of the same names as far as the peer has them, in any shape of as many
            values.
        numerics: What `ours` was computed with.

    Raises:
        DataError: The inputs differ, or no tensor can be compared.
    """
    known = {
        name: theirs[name].reshape(value.shape)
        for name, value in ours.items()
        if name in theirs and _is_alike(value, theirs[name])
    }
    for name in graph.inputs:
        if name in known and _differing(ours[name], known[name]).any():
            raise DataError(f"{graph.name}: input {name!r} has other values in the other run")
    tensors = values = 0
    skipped: list[str] = []
    for node in graph.nodes:
        for tensor in node.outputs:
            if tensor not in known:
                skipped.append(tensor)
                continue
            tensors, values = tensors + 1, values + known[tensor].size
            if _differing(ours[tensor], known[tensor]).any():
                found = _divergence(graph, node, tensor, ours, known)
                return Comparison(
                    tensors=tensors, values=values, skipped=tuple(skipped), divergence=found
                )
    if not tensors:
        raise DataError(
            f"{graph.name}: nothing to compare: the other run gives none of the tensors "
            f"{', '.join(repr(t) for node in graph.nodes[:3] for t in node.outputs)}, ... in "
            "their shape and type, for as many samples"
        )
    return Comparison(tensors=tensors, values=values, skipped=tuple(skipped), divergence=None)


def _is_alike(ours: Array, theirs: Array) -> bool:
    """Whether the values can be compared: as many, and codes beside codes."""
    return ours.size == theirs.size and (ours.dtype.kind == "f") == (theirs.dtype.kind == "f")


def _differing(ours: Array, theirs: Array) -> Array:
    """Return where the values differ, as bools in their shape."""
    if ours.dtype.kind != "f":
        return ours != theirs
    wide = theirs.astype(np.float64)
    largest = np.abs(wide, where=np.isfinite(wide), out=np.zeros(wide.shape)).max(initial=0.0)
    return ~np.isclose(ours, wide, rtol=0.0, atol=REAL_TOLERANCE * largest, equal_nan=True)


def _divergence(
    graph: Graph, node: Node, tensor: str, ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> Divergence:
    where = _differing(ours[tensor], theirs[tensor])
    first = tuple(int(i) for i in np.argwhere(where)[0])
    gaps = np.abs(ours[tensor].astype(np.float64) - theirs[tensor].astype(np.float64))
    policies, roundings = _trials(graph, node, tensor, ours, theirs)
    return Divergence(
        node=node.name,
        kind=node.op.kind,
        tensor=tensor,
        sample=first[0],
        index=first[1:],
        ours=ours[tensor][first].item(),
        theirs=theirs[tensor][first].item(),
        differing=int(where.sum()),
        values=where.size,
        largest=float(gaps.max()),
        unseen=tuple(name for name in node.inputs if _is_unseen(graph, name, theirs)),
        policies=policies,
        roundings=roundings,
    )


def _is_unseen(graph: Graph, tensor: str, theirs: Mapping[str, Array]) -> bool:
    """Whether an operand is computed, but not known of the peer; constants are the model's own."""
    producer = graph.producers.get(tensor)
    is_computed = producer is not None and bool(producer.inputs)
    return is_computed and tensor not in theirs


def _trials(
    graph: Graph, node: Node, tensor: str, ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> tuple[tuple[Trial, ...], tuple[Trial, ...]]:
    """Return how far each policy, and each rounding, is from the peer's result of `node`."""
    types = (*graph.input_types(node), *graph.output_types(node))
    if all(type_.quant is None for type_ in types):
        return (), ()
    # What the peer does not give is ours.
    operands = [theirs.get(name, ours[name]) for name in node.inputs]
    want = theirs[tensor]

    def tried(name: str, meaning: str, numerics: Numerics) -> tuple[Trial, ...]:
        site = Site(
            name=f"{graph.name}/{node.name}",
            inputs=graph.input_types(node),
            outputs=graph.output_types(node),
            numerics=numerics,
        )
        try:
            results = node.op.prepare(site)(*operands)
        except UnsupportedError:
            return ()
        got = np.broadcast_to(results[node.outputs.index(tensor)], want.shape)
        count = int(_differing(got, want).sum())
        return (Trial(name=name, meaning=meaning, differing=count),)

    policies = [trial for policy in POLICIES for trial in tried(policy.name, "", policy)]
    roundings = [
        trial
        for rounding in ROUNDINGS
        for trial in tried(rounding.name, _meaning(rounding), _with_rounding(rounding))
    ]
    has_say = len({trial.differing for trial in roundings}) > 1
    return tuple(policies), tuple(roundings) if has_say else ()


def _meaning(rounding: object) -> str:
    """Return the first sentence of the rounding's own description."""
    return (type(rounding).__doc__ or "").strip().partition(".")[0].lower()


def _with_rounding(rounding: object) -> Numerics:
    """Return a policy that rounds like this wherever an op has a rounding."""
    kinds = tuple(type(known) for known in ROUNDINGS)
    policy = POLICIES[0]
    names = [f.name for f in fields(policy) if isinstance(getattr(policy, f.name), kinds)]
    return replace(policy, **dict.fromkeys(names, rounding))
