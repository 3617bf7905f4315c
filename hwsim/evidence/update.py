"""Update: refit a shipped family and put what was found into the texts of its profiles.

In two steps: evidence is worked out with the constants as they were written, rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.evidence.design import profile_of
from hwsim.evidence.energy import measured_cycle_pj
from hwsim.evidence.rewrite import with_constants, with_cycle_pj, with_evidence, with_scale
from hwsim.evidence.validation import family, fitted, validate
from hwsim.profile import find_profile

if TYPE_CHECKING:
    from pathlib import Path


def refitted(name: str) -> dict[Path, str]:
    """Return the texts of a family's profiles with fitted numbers, by path.

    Constants go into the root, scales and the energy of a cycle into every profile that was
    measured.

    Raises:
        MeasurementError: The profile has no fit, or its text no place for what was found.
    """
    of = family(name)
    found = fitted(of)
    files = {s.measurement.profile: find_profile(s.measurement.profile) for s in of.samples}
    root = find_profile(of.plan.family)
    texts = {path: path.read_text(encoding="utf-8") for path in {*files.values(), root}}
    if of.plan.constants:
        free = of.root.runtime.constants | {n: found.constants[n] for n in of.plan.constants}
        texts[root] = with_constants(texts[root], free)
    for profile, path in files.items():
        # Boards share the scales of their core, which one of them states.
        places = {s.system[0] for s in of.samples if s.measurement.profile == profile}
        for (place, version), scale in found.scales.items():
            if place in places and f'"{version}": {{scale' in texts[path]:
                texts[path] = with_scale(texts[path], version, scale)
        cycle_pj = measured_cycle_pj(of.samples, profile)
        if cycle_pj is not None:
            texts[path] = with_cycle_pj(texts[path], cycle_pj)
    return texts


def judged(name: str) -> dict[Path, str]:
    """Return the texts of a family's profiles with the evidence of each one's own rows, by path.

    Raises:
        MeasurementError: The profile has no fit.
    """
    # What was read before may have been rewritten since.
    profile_of.cache_clear()
    of = family(name)
    texts: dict[Path, str] = {}
    for validation in validate(of)[1:]:
        path = find_profile(validation.profile)
        text = path.read_text(encoding="utf-8")
        texts[path] = with_evidence(text, validation.evidence(of.plan))
    return texts
