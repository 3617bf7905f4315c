"""Other ways to store the weights: what would each layer cost in every format that runs here?

One estimate per format has all layers that hold it in it. Formats change the steps of their own
layers alone, so the best format of each layer is read from these, and only what is offered is
priced again as a whole: a few estimates instead of one per layer and format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from hwsim.advice.candidate import REFUSALS, Candidate, listed
from hwsim.advice.devices import native_formats
from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError
from hwsim.formats import Dense
from hwsim.formats.find import find_format
from hwsim.lower import lower

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwsim.advice.candidate import Present
    from hwsim.channels.layers import Layer
    from hwsim.graph import Graph
    from hwsim.records import StepEstimate
    from hwsim.tensor import Weight

Assignment: TypeAlias = "Mapping[str, str]"
"""Layers to formats that differ from the present ones."""

# Those who gain most by themselves; the rest is in the combination.
_MOST_SINGLE = 6
# Terms of a step that are shares of what the whole network costs.
_SHARED = ("inference", "launch")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """What one layer costs in one format.

    Attributes:
        format: Its name.
        latency_s: Of the layer's step.
        weight_bytes: As stored.
    """

    format: str
    latency_s: float
    weight_bytes: int


def format_candidates(present: Present) -> Iterator[Candidate]:
    """Yield other storage of the weights: one format for all, the best of each layer, single ones.

    Only formats that a kernel of the device takes as they lie for this op and these types, and
    that hold the layer's zeros; all others of a network stay as they are.
    """
    layers = layers_of(present.graph)
    names = native_formats(present.device)
    weights = {name: _held(layers, name) for name in names}
    choices = _present_choices(present, layers)
    wholes: list[Assignment] = []
    for name in names:
        found = _choices_in(present, layers, name, weights[name])
        for layer, choice in found.items():
            if choice.format != choices[layer][0].format:
                choices[layer].append(choice)
        wholes.append({layer: name for layer in found if name != choices[layer][0].format})
    best = {layer: min(own, key=_cost) for layer, own in choices.items()}
    changed = {layer: own.format for layer, own in best.items() if own is not choices[layer][0]}
    gains = {name: choices[name][0].latency_s - best[name].latency_s for name in changed}
    singles = sorted(changed, key=lambda name: -gains[name])[:_MOST_SINGLE]
    offered = [*wholes, changed, *({name: changed[name]} for name in singles)]
    told: set[frozenset[tuple[str, str]]] = {frozenset()}
    for assignment in offered:
        key = frozenset(assignment.items())
        if key not in told:
            told.add(key)
            yield _candidate(present.graph, layers, assignment, weights)


def _cost(choice: _Choice) -> tuple[float, int]:
    """Rank choices: by time, then by bytes; the first of equals stays, which is the present one."""
    return choice.latency_s, choice.weight_bytes


def _held(layers: Mapping[str, Layer], name: str) -> dict[str, Weight]:
    """Return the weights of those layers that the format holds."""
    held: dict[str, Weight] = {}
    for layer, op in layers.items():
        is_bipolar = op.weight.quant is not None and op.weight.quant.is_bipolar
        try:
            weight = replace(op.weight, format=find_format(name))
            # Packed once: every candidate shares the weight.
            _ = weight.packed if name != Dense().name or is_bipolar else None
        except FormatError:
            continue
        held[layer] = weight
    return held


def _own_s(step: StepEstimate) -> float:
    return sum(seconds for term, seconds in step.terms_s.items() if term not in _SHARED)


def _present_choices(present: Present, layers: Mapping[str, Layer]) -> dict[str, list[_Choice]]:
    return {
        step.name: [
            _Choice(
                format=layers[step.name].weight.format.name,
                latency_s=_own_s(step),
                weight_bytes=step.counts.weight_bytes,
            )
        ]
        for step in present.estimate.steps
        if step.name in layers
    }


def _choices_in(
    present: Present, layers: Mapping[str, Layer], name: str, held: Mapping[str, Weight]
) -> dict[str, _Choice]:
    """Return what the layers cost that run natively in the format `name`."""
    try:
        steps = lower(_stored(present.graph, layers, held), present.device).steps
        native = {
            step.node.name
            for step in steps
            if step.executed_as == "native" and step.node.name in held
        }
        kept = {layer: weight for layer, weight in held.items() if layer in native}
        priced = present.estimated(_stored(present.graph, layers, kept))
    except REFUSALS:
        return {}
    return {
        step.name: _Choice(
            format=name, latency_s=_own_s(step), weight_bytes=step.counts.weight_bytes
        )
        for step in priced.steps
        if step.name in kept
    }


def _stored(graph: Graph, layers: Mapping[str, Layer], weights: Mapping[str, Weight]) -> Graph:
    return graph.with_ops(
        {name: replace(layers[name], weight=weight) for name, weight in weights.items()}
    )


def _candidate(
    graph: Graph,
    layers: Mapping[str, Layer],
    assignment: Assignment,
    weights: Mapping[str, Mapping[str, Weight]],
) -> Candidate:
    chosen = {layer: weights[name][layer] for layer, name in assignment.items()}
    return Candidate(
        kind="format",
        change=_words(layers, assignment),
        build=partial(_stored, graph, layers, chosen),
        layer=next(iter(assignment)) if len(assignment) == 1 else None,
    )


def _words(layers: Mapping[str, Layer], assignment: Assignment) -> str:
    """Return `store conv3, fc as csr and the rest dense`."""
    if len(assignment) == 1 and len(layers) > 1:
        ((layer, name),) = assignment.items()
        return f"store {layer} {_as(name)}"
    groups: dict[str, list[str]] = {}
    for layer, name in assignment.items():
        groups.setdefault(name, []).append(layer)
    rest = {op.weight.format.name for name, op in layers.items() if name not in assignment}
    if not rest and len(groups) == 1:
        return f"store every layer {_as(next(iter(groups)))}"
    parts = [f"{listed(names)} {_as(name)}" for name, names in groups.items()]
    if len(rest) == 1:
        parts.append(f"the rest {_as(rest.pop())}")
    elif rest:
        parts.append("the rest as it is")
    return f"store {', '.join(parts[:-1])} and {parts[-1]}"


def _as(name: str) -> str:
    return name if name == Dense().name else f"as {name}"
