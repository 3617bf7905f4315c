"""What a device profile holds: the classes are the schema, and there is no other list of keys."""

from __future__ import annotations

import hashlib
from typing import Literal

from hwsim.profile.evidence import Evidence, FitPlan
from hwsim.profile.hardware import Hardware
from hwsim.profile.integers import NumericsChoice
from hwsim.profile.quantities import Text
from hwsim.profile.runtime import Runtime
from hwsim.profile.section import Section


class DeviceProfile(Section):
    """One device as one runtime drives it.

    Attributes:
        name: `<device>_<runtime>`, the file's name; never inherited.
        description: One line for people; never inherited.
        device_class: `mcu`, `cpu`, `gpu`, `npu` or `accelerator`.
        hardware: The chip.
        runtime: The software.
        numerics: The integers.
        sources: For every number and the numerics policy, under its dotted key or a prefix of it,
            where it comes from: `datasheet: ...`, `measured: ...`, `fitted: ...`, `assumed: ...`.
        fit: How the constants are fitted; absent where they are not.
        evidence: Held-out error; absent while uncalibrated.
    """

    name: Text
    description: Text
    device_class: Literal["mcu", "cpu", "gpu", "npu", "accelerator"]
    hardware: Hardware
    runtime: Runtime
    numerics: NumericsChoice
    sources: dict[str, str]
    fit: FitPlan | None = None
    evidence: Evidence | None = None

    @property
    def sha256(self) -> str:
        """Digest of everything that the profile says, overrides included."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def is_calibrated(self) -> bool:
        """Whether held-out measurements of real devices back the figures."""
        return self.evidence is not None and self.evidence.against == "silicon"
