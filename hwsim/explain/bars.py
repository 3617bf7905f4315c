"""Bars: the seconds that each cause adds to one layer; they add up to what it lost or gained.

With r effective MACs left of one (r = 1 where nothing multiplies), a layer of b seconds promised
r b. `fewer_macs` is (r - 1) b, and each term t lost t_after - r t_before: together they are all
that lies between the two. A term of n units at u seconds each loses

    u_a n_a - r u_b n_b  =  u_a (n_a - r n_b)  +  (u_a - u_b) r n_b

of which the first is the term's own cause, and the second, where another kernel runs or other
numbers are multiplied, that cause: `numbers` if types differ, else `index` for the multiplications
of a kernel that walks a sparse format where the other does not, else `kernel`.

Multiplications (n = E executed) are taken apart further. S = E / w slots hold a weight each, where
w < 1 is what Winograd's identity saves (1 for other kernels). Of these A multiply a weight that is
not zero, and Z = S - A are slots of zeros. With r S_b = A_a + r Z_b,

    E_a - r E_b  =  w_a (Z_a - r Z_b)  +  (w_a - w_b) r S_b

The second is `kernel`. Slots of zeros are `dense_fallback` where zeros lie as they are or no kernel
takes their format, `unpacking` where the format is unpacked, `tiles` where the blocks or groups of
a format that is walked hold zeros, and `zero_checks` where fewer slots are spent than there are
weights, as activations of zero are seen at run time.

Rounding up and waiting come with the slots: each slot of a zero takes its share P_b / S_b of them,

    P_a - r P_b  =  (P_a - q P_b)  +  P_b / S_b (Z_a - r Z_b),        q = S_a / S_b

so that `tiles` and `imbalance` are what those of the slots that must be are, and no more. Gated
slots count as slots of zeros there (`zero_checks`): what holds still is rounded up with the rest.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from hwsim.explain.terms import CAUSES_OF_OPS, COUNTED, SLOTS, cause_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.explain.layers import Layer, Side
    from hwsim.records import Cause, StepEstimate

Bars: TypeAlias = "defaultdict[Cause, float]"

_NOISE = 1e-12
"""Bars below this share of their layer are left by rounding."""


def bars_of(layer: Layer) -> dict[Cause, float]:
    """Return the seconds that each cause adds to a layer; causes that add none are left out.

    Raises:
        UnsupportedError: A term has no cause.
    """
    if not layer.is_common:
        return _of_one_model(layer)
    before, after = layer.before, layer.after
    left = 1.0 if layer.left is None else layer.left
    if left == 1 and before.terms_s == after.terms_s:
        return {}
    bars: Bars = defaultdict(float)
    bars["fewer_macs"] = (left - 1) * before.seconds
    for term in {**before.terms_s, **after.terms_s}:
        own, other = after.terms_s.get(term, 0.0), before.terms_s.get(term, 0.0)
        if term in SLOTS:
            _add_slots(bars, layer, left, term)
        elif term in COUNTED and _is_other_kernel(before, after):
            _add_counted(bars, layer, left, term)
        else:
            bars[cause_of(term)] += own - left * other
    least = _NOISE * max(before.seconds, after.seconds)
    return {cause: seconds for cause, seconds in bars.items() if abs(seconds) > least}


def walks(step: StepEstimate) -> bool:
    """Return whether the kernel issues stored weights of a sparse format only."""
    return step.executed_as == "native" and step.format != "dense"


def other_kernel(before: Side, after: Side) -> Cause:
    """Return what makes another kernel's prices differ."""
    return "numbers" if before.main.types != after.main.types else "kernel"


def _of_one_model(layer: Layer) -> dict[Cause, float]:
    """Return the bars of a layer that only one model has."""
    if layer.before.steps:
        multiplied = layer.before.count("macs")
        cause = "fewer_macs" if multiplied else CAUSES_OF_OPS.get(layer.main.op, "fusion")
        bars: dict[Cause, float] = {cause: -layer.before.seconds}
    else:
        bars = {CAUSES_OF_OPS.get(layer.main.op, "fusion"): layer.after.seconds}
    return {cause: seconds for cause, seconds in bars.items() if seconds}


def _is_other_kernel(before: Side, after: Side) -> bool:
    def kernels(side: Side) -> set[tuple[str, str]]:
        return {(step.kernel, step.types) for step in side.steps}

    return kernels(before) != kernels(after)


def _prices(before: Side, after: Side, term: str, count: str) -> tuple[float, float] | None:
    """Return seconds per unit on both sides; None where a term has seconds without units.

    A side without units has the other's price: nothing is dearer there.
    """
    sides = (
        (before.terms_s.get(term, 0.0), before.count(count)),
        (
            after.terms_s.get(term, 0.0),
            after.count(count),
        ),
    )
    if any(seconds and not units for seconds, units in sides):
        return None
    known = [seconds / units for seconds, units in sides if units]
    return (known[0], known[-1]) if known else (0.0, 0.0)


def _add_counted(bars: Bars, layer: Layer, left: float, term: str) -> None:
    """Add a term of another kernel, by its units and by their price."""
    before, after = layer.before, layer.after
    prices = _prices(before, after, term, COUNTED[term])
    lost = after.terms_s.get(term, 0.0) - left * before.terms_s.get(term, 0.0)
    dearer = 0.0
    if prices is not None:
        dearer = (prices[1] - prices[0]) * left * before.count(COUNTED[term])
        bars[other_kernel(before, after)] += dearer
    # Transforms that only one of two kernels makes are what Winograd's identity costs.
    is_lost = term == "transform" and not (before.count("transforms") and after.count("transforms"))
    bars["kernel" if is_lost else cause_of(term)] += lost - dearer


def _add_slots(bars: Bars, layer: Layer, left: float, term: str) -> None:
    """Add a term of slots, by what they are spent on and by their price."""
    before, after = layer.before, layer.after
    lost = after.terms_s.get(term, 0.0) - left * before.terms_s.get(term, 0.0)
    prices = _prices(before, after, term, SLOTS[term])
    if prices is None:
        bars[cause_of(term)] += lost
        return
    price_s = prices[1]
    dearer = (price_s - prices[0]) * left * before.count(SLOTS[term])
    bars[_dearer(layer, term)] += dearer
    if term == "gated":
        bars[cause_of(term)] += lost - dearer
        return
    if term == "mac":
        of_one = _winograd(after)
    else:
        slots = _slots(before) + before.count("macs_gated")
        of_one = before.count(SLOTS[term]) / slots if slots else 0.0
    zeros_s = 0.0
    found = _zeros(layer, left, has_gated=term != "mac")
    for cause, zeros in found.items():
        bars[cause] += price_s * of_one * zeros
        zeros_s += price_s * of_one * zeros
    bars[cause_of(term)] += lost - dearer - zeros_s


def _dearer(layer: Layer, term: str) -> Cause:
    """Return why a slot takes longer."""
    before, after = layer.before, layer.after
    if before.main.types != after.main.types:
        return "numbers"
    if any(map(walks, before.steps)) != any(map(walks, after.steps)):
        return "index"
    return "kernel" if _is_other_kernel(before, after) else cause_of(term)


def _zeros(layer: Layer, left: float, *, has_gated: bool) -> Mapping[Cause, float]:
    """Return the slots of zeros, gated ones or not, less those that the promise allows, by cause.

    Where a baseline has no effective MAC there is no promise to keep: what the compressed model
    multiplies beyond it is more work.
    """
    found: Bars = defaultdict(float)
    for side, sign in ((layer.after, 1.0), (layer.before, -left)):
        for step in side.steps:
            zeros = _step_slots(step) - step.counts.macs_effective
            found[_cause_of_zeros(step, zeros)] += sign * zeros
            found["zero_checks"] += sign * step.counts.macs_gated * has_gated
    effective = layer.before.count("macs_effective")
    found["fewer_macs"] += layer.after.count("macs_effective") - left * effective
    return found


def _cause_of_zeros(step: StepEstimate, zeros: int) -> Cause:
    if zeros < 0:
        return "zero_checks"
    if walks(step) and step.counts.macs_executed < step.counts.macs:
        return "tiles"
    if step.executed_as == "decoded" and step.format != "dense":
        return "unpacking"
    return "dense_fallback"


def _step_slots(step: StepEstimate) -> int:
    """Return the slots that hold a weight: Winograd's identity is taken back."""
    return step.counts.macs if step.counts.transforms else step.counts.macs_executed


def _slots(side: Side) -> int:
    return sum(map(_step_slots, side.steps))


def _winograd(side: Side) -> float:
    """Return the products per slot, 1 where no identity saves any."""
    slots = _slots(side)
    return side.count("macs_executed") / slots if slots else 1.0
