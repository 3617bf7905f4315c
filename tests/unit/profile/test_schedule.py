"""Kernels that name an accelerator as their schedule."""

from __future__ import annotations

import pytest

from hwsim.accelerators import Eie
from hwsim.errors import ProfileError
from hwsim.profile import device

WALK = "runtime.kernels.walk"


def test_geometry_makes_the_accelerator() -> None:
    settings = {f"{WALK}.geometry.pes": 256, f"{WALK}.cycles.per_mac": 1 / 256}
    assert device("eie_sim").runtime.kernels["walk"].accelerator == Eie()
    assert device("eie_sim", **settings).runtime.kernels["walk"].accelerator == Eie(pes=256)
    assert device("sparse_pe64_sim").runtime.kernels["walk"].accelerator is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("schedule", "tpu", r"walk.schedule: no accelerator 'tpu'; known: .*eie.*; or lockstep"),
        ("schedule", "scnn", r"walk.schedule: scnn has no 'pes'; it has: high, wide"),
        ("schedule", "lockstep", r"walk.geometry: expected none"),
        ("geometry.pes", 128, r"walk.cycles.per_mac: expected 0.0078125.*128 multipliers, got"),
        ("geometry.pes", 0, r"walk.geometry.pes: "),
        (
            "cycles.per_mac",
            0.5,
            r"walk.cycles.per_mac: expected 0.015625.*64 multipliers, got 0.5; 1/mult",
        ),
    ],
)
def test_mistakes_are_told(key: str, value: object, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        device("eie_sim", **{f"{WALK}.{key}": value})
