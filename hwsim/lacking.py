"""Lacking: say what kernel a device lacks for a step, and what it has instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.formats import Codebook, Dense, Huffman, Signs, Trits
from hwsim.formats.find import find_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.op import Workload
    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.program import Step
    from hwsim.tensor import Weight

_NOT_SPARSE: Final = (Codebook, Dense, Huffman, Signs, Trits)
"""Formats that have a place for every weight."""
_NAMED: Final = 5
"""Formats named of those that a kernel takes."""


def taken_as_stored(types: str, rules: Iterable[KernelRule]) -> list[str]:
    """Return the sparse formats that some of these kernels multiply as they are stored."""
    native = (rule for rule in rules if rule.types.get(types) == "native")
    names = {name for rule in native for name, how in rule.formats.items() if how == "native"}
    sparse = [name for name in names if not isinstance(find_format(name), _NOT_SPARSE)]
    # Those that take any pattern first: an n:m holds no other.
    return sorted(sparse, key=lambda name: (name[0].isdigit(), name))


def no_sparse_kernel(
    step: Step, weight: Weight, profile: DeviceProfile, taken: Sequence[str]
) -> str:
    """Return why no kernel walks the weight: its format, types, shape, or none does.

    Args:
        step: The layer, its types decided.
        weight: As the model stores it.
        profile: The device.
        taken: Sparse formats that its kernels for this op, types and shape multiply as stored.
    """
    runtime, kind = profile.runtime, step.workload.kind
    stored, kernels = weight.format.name, runtime.kernels.values()
    known = {name for rule in kernels for name in rule.formats}
    is_wide = stored in known and weight.format.shares_values
    if isinstance(weight.format, _NOT_SPARSE) or is_wide:
        indices = f" with {weight.packed.index_bits}-bit indices" if is_wide else ""
        listed = ", ".join(sorted(known))
        return (
            f"{runtime.name} has no kernel for {stored} weights of {kind}{indices} "
            f"(its kernels take: {listed})"
        )
    numbers = _numbers(step.types, runtime.real_bits)
    if taken:
        more = f" and {len(taken) - _NAMED} more formats" if len(taken) > _NAMED else ""
        return (
            f"{runtime.name}'s sparse {numbers} kernels for {kind} take "
            f"{', '.join(taken[:_NAMED])}{more}, and the weights are stored as {stored}"
        )
    is_shape = taken_as_stored(step.types, (rule for rule in kernels if kind in rule.ops))
    what = _shape(step.workload) if is_shape else kind
    return f"{runtime.name} has no sparse {numbers} kernel for {what}"


def _numbers(types: str, real_bits: int) -> str:
    """Return what is multiplied as programs name it: `int8`, `float16`, `int8 x int4`."""
    real = f"float{real_bits}"
    if types.startswith("f32w") or types == "f32":
        return f"{real} x int{types[4:]}" if types[4:] else real
    activation, _, weight = types.removesuffix("g").partition("x")
    first = real if activation == "f32" else f"int{activation}"
    return first if first == f"int{weight}" else f"{first} x int{weight}"


def no_kernel(step: Step, stored: str, profile: DeviceProfile) -> str:
    """Return why no kernel of a device runs a step at all, its weight stored so."""
    kind, kernels = step.workload.kind, profile.runtime.kernels.values()
    same_kind = [rule for rule in kernels if kind in rule.ops]
    if not same_kind:
        return f"{profile.runtime.name} on {profile.name} has no kernel for {kind}"
    types = sorted({types for rule in same_kind for types in rule.types})
    if step.types not in types:
        return (
            f"{profile.runtime.name} on {profile.name} has no {_spelled(step.types)} kernel for "
            f"{kind} (takes, as activation x weight bits: {', '.join(types)})"
            + ("; quantize the model" if step.types == "f32" else "")
        )
    if not any(rule.takes.admits(step.workload) for rule in same_kind if step.types in rule.types):
        return (
            f"{profile.runtime.name} on {profile.name} has no {_spelled(step.types)} kernel for "
            f"{_shape(step.workload)}; add one under runtime.kernels whose `takes` admits it"
        )
    return f"{profile.runtime.name} on {profile.name} has no kernel for {stored} {kind}"


def _shape(workload: Workload) -> str:
    (height, width), (down, right) = workload.window, workload.stride
    return (
        f"{workload.kind} of {height} x {width}, stride {down} x {right}, "
        f"{workload.channels_in} to {workload.rows} channels, {workload.columns} positions"
    )


def _spelled(types: str) -> str:
    """Return types, in words where the short form would not be understood."""
    if types.startswith("f32w"):
        return f"{types} (real activations, {types[4:]}-bit weights that are decoded)"
    activation, _, weight = types.removesuffix("g").partition("x")
    activations = "real" if activation == "f32" else f"{activation}-bit"
    if types.endswith("g"):
        return f"{types} ({activations} activations, {weight}-bit weights in groups)"
    is_dynamic = activation == "f32" and weight
    return f"{types} (real activations, {weight}-bit weights)" if is_dynamic else types
