"""Check what a profile says by name: prices and their constants, versions, what is fitted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hwsim.op import WORK_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.profile.runtime import Runtime
    from hwsim.profile.schema import DeviceProfile

_EXPONENT = re.compile(r"[+-]?[0-9.]+[eE][+-]?[0-9]+")


def constants(profile: DeviceProfile) -> Iterator[str]:
    """Yield prices that name no constant, and constants that no price names."""
    runtime, memories = profile.runtime, profile.hardware.memories
    prices: dict[str, object] = {
        f"runtime.{key}": getattr(runtime, key)
        for key in ("per_fork", "per_relayout", "per_inference", "per_launch")
    }
    for name, memory in memories.items():
        prices[f"hardware.memories.{name}.cycles_per_byte"] = memory.cycles_per_byte
        if memory.bytes_per_cycle is not None and memory.cycles_per_byte is not None:
            yield f"hardware.memories.{name}: expected bytes_per_cycle or cycles_per_byte, got both"
    for name, rule in runtime.kernels.items():
        for key, price in rule.cycles:
            prices[f"runtime.kernels.{name}.cycles.{key}"] = price
    known = ", ".join(runtime.constants) or "none"
    for path, price in prices.items():
        if isinstance(price, str) and price not in runtime.constants:
            there = f"runtime.constants (there: {known}){hint(price)}"
            yield f"{path}: no constant {price!r} under {there}"
    for name in runtime.constants:
        if name not in prices.values():
            yield f"runtime.constants.{name}: no price refers to it"


def versions(runtime: Runtime) -> Iterator[str]:
    """Yield a version and kinds of work that nothing is known of."""
    if runtime.versions and runtime.version not in runtime.versions:
        yield (
            f"runtime.version: nothing is known of {runtime.version!r}; known: "
            f"{', '.join(runtime.versions)}; hwsim fit --scale-only measures another one's scale"
        )
    for kind in runtime.in_place:
        if kind not in WORK_KINDS:
            yield f"runtime.in_place: no kind of work {kind!r}; known: {', '.join(WORK_KINDS)}"


def fits(profile: DeviceProfile) -> Iterator[str]:
    """Yield constants that are to be fitted and do not exist, or start nowhere."""
    if profile.fit is None:
        return
    known = profile.runtime.constants
    for name in profile.fit.constants:
        if name not in known:
            yield (
                f"fit.constants: no constant {name!r} under runtime.constants (there: "
                f"{', '.join(known) or 'none'})"
            )
        elif name not in profile.fit.prior:
            # The shipped value has seen every row: nothing that starts there is held out.
            yield f"fit.prior: expected a prior of {name!r}, got none"


def hint(got: object) -> str:
    """Return what to write where YAML read a number as text; nothing elsewhere."""
    is_number = isinstance(got, str) and _EXPONENT.fullmatch(got)
    return "; YAML reads 480e6 as text, write 480.0e+6" if is_number else ""
