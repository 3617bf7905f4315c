"""Count the sums that are wider than the runtime's register, over real samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.execute import prepare_all
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear, MatMul
from hwsim.ops._accumulate import Sums, sums_of
from hwsim.ops._dynamic import is_dynamic
from hwsim.records import Overflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Numerics

# Samples whose activations are held at a time.
_CHUNK = 64
_MOST_BITS = 8


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A node whose sums might overflow, and what counts them: operands to (overflowed, sums)."""

    node: Node
    count: Callable[..., tuple[int, int]]


def count_overflows(graph: Graph, x: Array, numerics: Numerics) -> tuple[Overflow, ...]:
    """Return how many sums of each layer overflow its register; nothing of those that cannot.

    A bound on the magnitudes spares most models the run: sums of 8-bit products need a depth of
    more than 33,000 to leave 32 bits. Transposed convolutions are not counted.

    Args:
        graph: The model.
        x: Stacked inputs, as `run` takes them.
        numerics: Whose register.

    Raises:
        DataError: `x` does not fit the model.
        UnsupportedError: An op has no integer form.
    """
    suspects = [s for node in graph.nodes if (s := _suspect(graph, node, numerics)) is not None]
    if not suspects:
        return ()
    wanted = tuple(dict.fromkeys(tensor for s in suspects for tensor in s.node.inputs))
    run = prepare_all(graph, numerics, wanted)
    counts: dict[str, tuple[int, int]] = {suspect.node.name: (0, 0) for suspect in suspects}
    for start in range(0, len(x), _CHUNK):
        values = run(x[start : start + _CHUNK])
        for suspect in suspects:
            overflowed, total = suspect.count(*(values[t] for t in suspect.node.inputs))
            before = counts[suspect.node.name]
            counts[suspect.node.name] = (before[0] + overflowed, before[1] + total)
    return tuple(
        Overflow(step=step, bits=numerics.accumulator.bits, overflowed=overflowed, sums=total)
        for step, (overflowed, total) in counts.items()
        if overflowed
    )


def _suspect(graph: Graph, node: Node, numerics: Numerics) -> _Suspect | None:
    inputs, outputs, op = graph.input_types(node), graph.output_types(node), node.op
    types = (*inputs, *outputs)
    if any(type_.quant is None or type_.quant.bits > _MOST_BITS for type_ in types):
        return None
    site = Site(name=f"{graph.name}/{node.name}", inputs=inputs, outputs=outputs, numerics=numerics)
    if isinstance(op, MatMul):
        return _Suspect(node, _matmul_counter(op, site)) if _may_overflow(site) else None
    if not isinstance(op, Conv2d | Linear) or is_dynamic(site, op.weight):
        return None
    sums = sums_of(op, site)
    return _Suspect(node, _layer_counter(op, sums)) if sums.can_overflow else None


def _layer_counter(op: Conv2d | Linear, sums: Sums) -> Callable[..., tuple[int, int]]:
    def count(codes: Array) -> tuple[int, int]:
        totals, overflowed = sums(op.patches(codes, sums.quant.zero_point[0]))
        return overflowed, totals.size

    return count


def _matmul_counter(op: MatMul, site: Site) -> Callable[..., tuple[int, int]]:
    sums = op.sums(site)

    def count(a: Array, b: Array) -> tuple[int, int]:
        totals, overflowed = sums(a, b)
        return overflowed, totals.size

    return count


def _may_overflow(site: Site) -> bool:
    """Return whether the largest products of two activations might leave the register."""
    depth = site.inputs[0].shape[-1]
    register = site.numerics.accumulator
    largest = 1 << (2 * _MOST_BITS)
    return register.saturates_pairs or depth * largest > register.high
