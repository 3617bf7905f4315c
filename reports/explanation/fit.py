"""Whether a result fits its device, how far its latency may be off, and what its storage is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports.units import BYTES, with_unit

if TYPE_CHECKING:
    from hwsim.records import Result

STORED: Final = "weights and code"
WITHOUT_FLASH: Final = frozenset({"cpu", "gpu", "accelerator"})
"""Classes of devices whose weights lie in RAM or on a disk: they have no flash to speak of."""
NUMBERS: Final = {2.0: "two", 3.0: "three"}


def storage_of(result: Result) -> str:
    """Return what the bytes of weights and code are called on this device: `flash`, where it is."""
    return STORED if result.device_class in WITHOUT_FLASH else "flash"


def misfit_of(result: Result) -> str:
    """Return one sentence on the memory that is missing; empty where the model fits."""
    footprint = result.estimate.footprint
    if footprint.fits:
        return ""
    storage = storage_of(result)
    if footprint.is_shared:
        needed_bytes = footprint.peak_ram_bytes + footprint.flash_bytes
        lacks = [("memory", needed_bytes, footprint.ram_capacity_bytes)]
    else:
        lacks = [
            (storage, footprint.flash_bytes, footprint.flash_capacity_bytes),
            ("RAM", footprint.peak_ram_bytes, footprint.ram_capacity_bytes),
        ]
    told = [
        f"needs {with_unit(needed, BYTES)} {'for' if word == STORED else 'of'} {word}, "
        f"the device has {with_unit(there, BYTES)}"
        for word, needed, there in lacks
        if needed > there
    ]
    return f"Does not fit: {'; it '.join(told)}; latency as if it had more."


def trust_of(result: Result) -> str:
    """Return one sentence on how far the latency may be off; the profile's evidence says it."""
    low_s, high_s = result.estimate.latency_low_s, result.estimate.latency_high_s
    if not low_s > 0 or not result.latency_s > 0:
        return "Calibrated." if result.is_calibrated else "Uncalibrated."
    below, above = low_s / result.latency_s, high_s / result.latency_s
    between = f"between {below:.2f} and {above:.2f} times what is shown"
    if result.is_calibrated:
        return f"Calibrated: the latency may be {between}."
    factor = NUMBERS.get(round(above, 6), f"{above:.3g}")
    return f"Uncalibrated: may be off by a factor of {factor} ({between})."
