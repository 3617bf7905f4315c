"""A price taken apart is the price, also where terms meet that no shipped profile has together."""

from __future__ import annotations

import pytest

from hwsim.cost import count, price
from hwsim.evidence.contributions import FIXED, contributions
from hwsim.evidence.networks import network
from hwsim.lower import lower
from hwsim.profile import device


@pytest.mark.parametrize("percent", [5, 100])
def test_an_inference_is_paid_beside_launches(percent: int) -> None:
    """Of 5 % of the channels the host waits for launches, of all of them for the device."""
    profile = device("unnamed_gpu_pytorch", **{"runtime.per_inference": 3e6})
    program = lower(network(f"resnet50{{percent={percent},batch=64}}", "f32"), profile)
    counts = count(program)
    assert profile.runtime.per_launch
    known = {**profile.runtime.constants, FIXED: 1.0}
    scale = profile.runtime.current.scale
    scaled, unscaled = (
        sum(known[name] * seconds for name, seconds in parts.items())
        for parts in contributions(program, counts, profile)
    )
    assert scale * scaled + unscaled == pytest.approx(price(program, counts).latency_s, rel=1e-9)
