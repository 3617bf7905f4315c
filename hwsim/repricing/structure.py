"""Structure: which numbers of a profile only price, and what is left of it without them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile
    from hwsim.records import Bill

_SECTIONS: Final = ("hardware", "runtime", "numerics")

# Leaves that no count depends on, by the path of the section that holds them; `*` is any name.
_PRICES: Final = {
    ("hardware",): ("clock_hz", "cores", "core_efficiency", "memory_core_efficiency", "static_w",
                    "cycle_pj"),
    ("hardware", "mac_pj"): ("*",),
    ("hardware", "memories", "*"): ("bytes_per_cycle", "cycles_per_byte", "pj_per_byte",
                                    "latency_cycles"),
    ("runtime",): ("per_fork", "per_relayout", "per_launch", "per_inference"),
    ("runtime", "constants"): ("*",),
    ("runtime", "versions", "*"): ("scale",),
    ("runtime", "kernels", "*", "cycles"): ("*",),
}  # fmt: skip


def price_keys(bill: Bill) -> frozenset[str]:
    """Return the keys whose change needs no new count: `reprice` takes them."""
    return frozenset(bill.prices) - set(bill.follows)


def structure_of(profile: DeviceProfile) -> str:
    """Return the digest of all of a profile that counts may depend on.

    Numbers that only price are blanked: whether there is one is told, not which. Two profiles of
    one structure count the same for every graph. What is said of a profile (description, sources,
    evidence) is left out.
    """
    dumped = profile.model_dump(mode="json")
    told = {
        "name": profile.name,
        **{name: _blanked(dumped[name], (name,)) for name in _SECTIONS},
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _blanked(value: object, path: tuple[str, ...]) -> object:
    """Return `value` with its numbers that only price as "price"."""
    if not isinstance(value, dict):
        return "price" if _is_number(value) and _only_prices(path) else value
    section = cast("dict[str, object]", value)
    return {key: _blanked(item, (*path, key)) for key, item in section.items()}


def _only_prices(path: tuple[str, ...]) -> bool:
    *section, leaf = path
    return any(
        len(parents) == len(section)
        and all(own in ("*", name) for own, name in zip(parents, section, strict=True))
        and ("*" in leaves or leaf in leaves)
        for parents, leaves in _PRICES.items()
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
