"""Lower: decide how this device runs this graph, and say why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.accelerators import Eie
from hwsim.arena import buffers_of, footprint_of
from hwsim.channels import losses, without_dead
from hwsim.formats import Dense
from hwsim.fusion import fused, with_constants_folded, with_pads_merged
from hwsim.lacking import no_kernel, no_sparse_kernel, taken_as_stored
from hwsim.memory import plan
from hwsim.program import Program, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.graph import Graph, Node
    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.tensor import Weight


def lower(graph: Graph, profile: DeviceProfile) -> Program:
    """Return the program of `graph` on `profile`.

    Batch norms and activations are fused first, as every runtime's converter does; then constant
    results, pads and dead channels go where the runtime says so, which leaves the outputs as they
    are. Steps that the device cannot run say so in `executed_as` and `reason`; pricing refuses
    them.

    Raises:
        UnsupportedError: The profile names a numerics policy that does not exist.
    """
    graph = fused(graph)
    if profile.runtime.folds_constants:
        graph = with_constants_folded(graph)
    if profile.runtime.merges_pads:
        graph = with_pads_merged(graph)
    whole = graph
    if profile.runtime.current.removes_dead_channels:
        graph = without_dead(graph)
    steps = tuple(_step(graph, node, profile) for node in graph.nodes)
    steps = _with_losses(steps, losses(whole, graph), profile)
    arena = plan(buffers_of(graph, steps, profile.runtime))
    return Program(
        graph=graph,
        profile=profile,
        numerics=profile.numerics.resolve(),
        steps=steps,
        arena=arena,
        footprint=footprint_of(steps, arena, profile),
    )


def _with_losses(
    steps: tuple[Step, ...], lost: Mapping[str, str], profile: DeviceProfile
) -> tuple[Step, ...]:
    """Let the reason of each step say what dead channels it lost."""
    runtime = f"{profile.runtime.name} {profile.runtime.version}"
    return tuple(
        replace(step, reason=f"{step.reason} ({runtime} removes dead channels: {own})")
        if (own := lost.get(step.node.name))
        else step
        for step in steps
    )


def _step(graph: Graph, node: Node, profile: DeviceProfile) -> Step:
    workload = graph.workload(node)
    weight = node.op.weight
    types = _types(graph, node)
    stored = _stored_format(weight)
    undecided = Step(
        node=node,
        workload=workload,
        kernel="",
        rule=None,
        types=types,
        executed_as="unsupported",
        reason="",
        weight=weight,
        decoded_bytes=0,
        scratch_bytes=0,
    )
    candidates = [
        (name, rule)
        for name, rule in profile.runtime.kernels.items()
        if workload.kind in rule.ops and types in rule.types and rule.takes.admits(workload)
    ]
    for name, rule in candidates:
        if stored in rule.formats and _takes_table(rule, weight):
            return _supported(undecided, name, rule, profile)
    for name, rule in candidates:
        if rule.formats.get(Dense().name) == "native":
            taken = taken_as_stored(types, [rule for _, rule in candidates])
            return _dense_fallback(undecided, name, rule, profile, taken)
    return replace(undecided, reason=no_kernel(undecided, stored, profile))


def _takes_table(rule: KernelRule, weight: Weight | None) -> bool:
    """Return whether the kernel takes indices as wide as this weight has, if it has a table."""
    if weight is None or rule.index_bits is None:
        return True
    return weight.packed.index_bits <= rule.index_bits


def _stored_format(weight: Weight | None) -> str:
    return Dense().name if weight is None else weight.format.name


def _supported(step: Step, name: str, rule: KernelRule, profile: DeviceProfile) -> Step:
    stored = _stored_format(step.weight)
    is_native = rule.types[step.types] == "native" and rule.formats[stored] == "native"
    runtime = f"{profile.runtime.name}'s kernel {name!r}"
    if is_native:
        reason = f"{runtime} takes {step.types} {stored}"
        reason += _broadcast(rule)
    else:
        reason = f"{runtime} unpacks {step.types} {stored} weights to dense before it multiplies"
    types, decoded = step.types, 0
    if not is_native and step.weight is not None:
        types, bits = _unpacked(step.types, profile.runtime.real_bits)
        decoded = step.weight.codes.size * bits // 8
    return replace(
        step,
        kernel=name,
        rule=rule,
        types=types,
        executed_as="native" if is_native else "decoded",
        reason=reason,
        decoded_bytes=decoded,
        scratch_bytes=decoded + int(rule.scratch_bytes_per_depth * step.workload.depth),
    )


def _broadcast(rule: KernelRule) -> str:
    """Return what to add where an activation takes a cycle of every element."""
    accelerator = rule.accelerator
    if not isinstance(accelerator, Eie):
        return ""
    return f", each activation broadcast to all {accelerator.pes} elements"


def _unpacked(types: str, real_bits: int) -> tuple[str, int]:
    """Return what multipliers see of weights widened to the activations' type, and its bits."""
    if types.startswith("f32"):
        return "f32", real_bits
    activation = types.split("x", maxsplit=1)[0]
    return f"{activation}x{activation}", int(activation)


def _dense_fallback(
    step: Step, name: str, rule: KernelRule, profile: DeviceProfile, taken: list[str]
) -> Step:
    weight = step.weight
    assert weight is not None  # A node without a weight counts as dense, and took the rule.
    fate = "looked for" if rule.finds_zeros else "multiplied"
    lacking = no_sparse_kernel(step, weight, profile, taken)
    return replace(
        _supported(replace(step, weight=replace(weight, format=Dense())), name, rule, profile),
        executed_as="dense_fallback",
        reason=f"{lacking}; zeros are stored and {fate}{_broadcast(rule)}",
    )


def _types(graph: Graph, node: Node) -> str:
    """Return activation x weight bits (`8x8`, `f32x8` where inputs are quantized), or `f32`.

    `f32w8` where weights are decoded and reals multiplied; a `g` behind weights in groups that are
    multiplied as integers, whose kernels are others.
    """
    activations = graph.input_types(node) or graph.output_types(node)
    # A conversion is named by its integer side: that is what its kernel is written for.
    integers = [t for t in (*activations, *graph.output_types(node)) if t.quant is not None]
    weight = node.op.weight
    if not integers:
        if weight is None or weight.quant is None:
            return "f32"
        return f"f32w{weight.bits}" if weight.is_decoded else f"f32x{weight.bits}{_group(weight)}"
    bits = integers[0].bits
    return f"{bits}x{bits}" if weight is None else f"{bits}x{weight.bits}{_group(weight)}"


def _group(weight: Weight) -> str:
    return "" if weight.quant is None or weight.quant.group is None else "g"
