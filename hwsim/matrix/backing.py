"""Backing: whether evidence speaks of the kernels that make a sparse model fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost.backing import fitted_prices

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.program import Step


def finds_zeros(step: Step) -> bool:
    """Return whether weights of zero are not multiplied: left out, or found where they lie."""
    return step.is_walked or (step.rule is not None and step.rule.finds_zeros)


def zeros_backed(steps: tuple[Step, ...], profile: DeviceProfile) -> bool:
    """Return whether each kernel that finds zeros has a fitted price for what is left of the work.

    A price of a launch that it shares with dense kernels says nothing about its multiplications.

    Args:
        steps: Of a program; without a kernel that finds zeros there is nothing to back.
        profile: Where they run.
    """
    fitted = fitted_prices(profile)
    if not fitted:
        return True  # One factor on everything.
    return all(
        _is_priced(step.rule, fitted)
        for step in steps
        if step.rule is not None and step.workload.macs and finds_zeros(step)
    )


def _is_priced(rule: KernelRule, fitted: frozenset[str]) -> bool:
    prices = [rule.cycles.per_mac, rule.cycles.per_nonzero, rule.cycles.per_check]
    paid = [price for price in prices if price != 0.0]
    return bool(paid) and all(price in fitted for price in paid)
