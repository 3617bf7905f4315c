"""The index of the pages: every device by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.evaluation import runtime_of
from hwsim.profile import known_devices, load_profile
from tests.device_pages.cells import clock, share, table, text

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile

_CLASSES = {
    "mcu": "Microcontrollers",
    "cpu": "Processors",
    "gpu": "Graphics processors",
    "npu": "Neural processors",
    "accelerator": "Accelerators",
}


def index() -> str:
    """Return the page that lists all devices."""
    profiles = [load_profile(name) for name in known_devices()]
    text_ = (
        "<!-- Written by python -m tests.device_pages -->\n# Devices\n\n"
        f"{len(profiles)} profiles, each a device as one runtime drives it. Held out: mean error "
        "of latency on measurements that\nthe profile was not fitted on "
        "([evidence](../evidence.md)). Without such rows a profile is uncalibrated, and its\n"
        "figures carry an interval of a factor of two. Your own: "
        "[write a profile](../guides/profile.md).\n\n"
    )
    for kind, title in _CLASSES.items():
        own = [profile for profile in profiles if profile.device_class == kind]
        heads = ("device", "what it is", "runtime", "clock", "calibrated", "held out")
        text_ += f"## {title}\n\n{table(heads, map(_line, own))}"
    return text_.rstrip() + "\n"


def _line(profile: DeviceProfile) -> tuple[str, ...]:
    evidence = profile.evidence
    held = "-" if evidence is None else f"{share(evidence.held_out_mape)} of {evidence.n}"
    judged = "no" if evidence is None else "against a simulator"
    return (
        f"[{profile.name}]({profile.name}.md)",
        text(profile.description),
        text(runtime_of(profile)),
        clock(profile.hardware.clock_hz),
        "yes" if profile.is_calibrated else judged,
        held,
    )
