"""What a device asks of a recipe: formats that its kernels walk, multiples of channels."""

from __future__ import annotations

from math import gcd, lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile, KernelRule

# Few networks have layers whose channels are multiples of more.
_LARGEST_MULTIPLE = 32
_CONVOLUTIONS = {"conv2d", "pointwise_conv2d"}


def native_formats(device: DeviceProfile) -> tuple[str, ...]:
    """Return the names of storage formats: see `hwsim.profile.Runtime.native_formats`.

    A kernel may take a format for some ops, types and shapes only: the price says for which.
    """
    return device.runtime.native_formats


def channel_multiple(device: DeviceProfile) -> int:
    """Return the multiple of channels that the device's convolutions like, 1..32.

    Such as `prune{structure=filter,round_to=...}` takes: the least common multiple of what kernels
    of convolutions round output channels up to, of what they round the inputs of a 1 x 1 window up
    to, and of what they demand of both. Where that is more than 32, its greatest common divisor
    with 32: few layers have a multiple of 128.
    """
    rules = [
        rule
        for rule in device.runtime.kernels.values()
        if _CONVOLUTIONS & set(rule.ops) and "native" in rule.types.values()
    ]
    multiple = lcm(*(_multiple(rule) for rule in rules))
    return multiple if multiple <= _LARGEST_MULTIPLE else gcd(multiple, _LARGEST_MULTIPLE)


def _multiple(rule: KernelRule) -> int:
    """Return the multiple of one kernel."""
    needs = [rule.takes.channel_multiple, *output_multiples(rule)]
    if rule.formats.get("dense") == "native" and not rule.winograd:
        needs.append(rule.tile.k)
    return lcm(*needs)


def output_multiples(rule: KernelRule) -> tuple[int, ...]:
    """Return what `rule` may round the output channels of a group up to, all its tiles asked.

    None where it has another way to count: Winograd's products, the walk of an accelerator.
    """
    if rule.winograd or rule.accelerator is not None:
        return ()
    return tuple(sorted({tile.m for tile in (rule.tile, *rule.other_tiles)}))
