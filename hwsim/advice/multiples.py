"""Which channels miss a multiple that their kernel works in: the wishes of every heavy layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Literal, TypeAlias

from hwsim.advice.devices import output_multiples
from hwsim.channels.layers import Layer
from hwsim.lower import lower
from hwsim.ops import Conv2d

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.advice.candidate import Present
    from hwsim.graph import Graph
    from hwsim.profile import KernelRule
    from hwsim.program import Program, Step

Side: TypeAlias = Literal["makes", "reads", "works on"]

# Layers that take less of the time gain nothing that shows.
_LEAST_SHARE = 0.005
# The slowest so many are asked.
_MOST_LAYERS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The positions on a tensor's last axis should be a multiple of something.

    Attributes:
        tensor: Its name.
        multiple: Of what.
    """

    tensor: str
    multiple: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one layer would like of its channels, all at once.

    Attributes:
        layer: Its name.
        side: Whether it is about what the layer `makes`, what it `reads`, or both (`works on`).
        needs: Of these.
    """

    layer: str
    side: Side
    needs: tuple[Need, ...]


def wishes_of(present: Present, graph: Graph) -> tuple[Wish, ...]:
    """Return the wishes of the slowest layers, the slowest first.

    Args:
        present: The model and its price.
        graph: The same model, without the channels that the device's runtime removes itself.
    """
    program = lower(graph, present.device)
    latencies = {step.name: step.latency_s for step in present.estimate.steps}
    least_s = _LEAST_SHARE * present.estimate.latency_s
    steps = [
        step
        for step in program.steps
        if isinstance(step.node.op, Layer) and latencies.get(step.node.name, 0.0) >= least_s
    ]
    steps.sort(key=lambda step: -latencies.get(step.node.name, 0.0))
    return tuple(wish for step in steps[:_MOST_LAYERS] for wish in _wishes(program, step))


def _wishes(program: Program, step: Step) -> Iterator[Wish]:
    (source,), (made,) = step.node.inputs, step.node.outputs
    rule, groups = step.rule, step.workload.groups
    assert rule is not None  # It has a price.
    is_depthwise = isinstance(step.node.op, Conv2d) and step.node.op.is_depthwise
    each = 1 if is_depthwise else groups
    for multiple in output_multiples(rule):
        side = "works on" if is_depthwise else "makes"
        yield from _wish(program, step, side, Need(tensor=made, multiple=multiple * each))
    if not is_depthwise:
        needed = Need(tensor=source, multiple=_input_multiple(step, rule) * each)
        yield from _wish(program, step, "reads", needed)
    for multiple in _demanded(program, step):
        both = (Need(tensor=made, multiple=multiple), Need(tensor=source, multiple=multiple))
        yield from _wish(program, step, "works on", *both)


def _wish(program: Program, step: Step, side: Side, *needs: Need) -> Iterator[Wish]:
    """Yield the needs that are not met, if there are any."""
    unmet = tuple(
        need for need in needs if program.graph.tensors[need.tensor].shape[-1] % need.multiple
    )
    if unmet:
        yield Wish(layer=step.node.name, side=side, needs=unmet)


def _input_multiple(step: Step, rule: KernelRule) -> int:
    """Return the multiple of input channels per group that fills whole tiles of a dense kernel."""
    if rule.winograd or rule.accelerator is not None or step.is_walked:
        return 1
    if rule.tile.taps is not None:
        return rule.tile.k
    height, width = step.workload.window
    return rule.tile.k // gcd(rule.tile.k, height * width)


def _demanded(program: Program, step: Step) -> tuple[int, ...]:
    """Return the multiples of all channels without which other kernels refuse this layer."""
    rules = program.profile.runtime.kernels.values()
    found = {
        rule.takes.channel_multiple
        for rule in rules
        if step.workload.kind in rule.ops
        and step.types in rule.types
        and not rule.takes.admits(step.workload)
    }
    return tuple(sorted(found - {1}))
