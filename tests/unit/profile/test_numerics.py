"""Profiles choose a policy, and op by op what differs from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwsim.errors import ProfileError
from hwsim.numerics import ROUNDINGS, Accumulator, Rounding, find_policy
from hwsim.numerics.rounding import Gemmlowp, HalfUpTwice, HalfUpTwiceLanes, Single
from hwsim.profile import load_profile
from hwsim.profile.integers import ROUNDED, NumericsChoice

DEVICE = "stm32l4r5_tflm"


def test_a_policy_alone_is_itself() -> None:
    choice = NumericsChoice(policy="xnnpack", accumulator_bits=32)
    assert choice.resolve() == find_policy("xnnpack")


@pytest.mark.parametrize("key", ROUNDED)
@pytest.mark.parametrize("rounding", ROUNDINGS, ids=lambda rounding: rounding.name)
def test_every_rounding_can_be_chosen_per_op(key: str, rounding: Rounding) -> None:
    numerics = load_profile(DEVICE, {f"numerics.{key}": rounding.name}).numerics.resolve()
    assert getattr(numerics, key) == rounding
    assert numerics.name == f"tflm{{{key}={rounding.name}}}"
    others = [other for other in ROUNDED if other not in (key, "depthwise", "grouped")]
    assert all(getattr(numerics, o) == getattr(find_policy("tflm"), o) for o in others)


def test_all_convolutions_follow_unless_they_are_named() -> None:
    choice = NumericsChoice(policy="tflite-ruy", accumulator_bits=32)
    assert choice.resolve().depthwise == HalfUpTwiceLanes()
    assert choice.resolve().grouped == Gemmlowp()
    single = choice.model_copy(update={"conv": "single"}).resolve()
    assert (single.conv, single.depthwise, single.grouped) == (Single(), None, None)
    both = choice.model_copy(update={"conv": "single", "depthwise": "half_up_twice"}).resolve()
    assert (both.conv, both.depthwise, both.grouped) == (Single(), HalfUpTwice(), None)


def test_formulas_and_registers() -> None:
    overrides: dict[str, object] = {
        "numerics.accumulator_bits": 16,
        "numerics.accumulator_overflow": "saturate",
        "numerics.saturates_pairs": True,
        "numerics.add": "fixed20",
        "numerics.softmax": "table",
    }
    numerics = load_profile(DEVICE, overrides).numerics.resolve()
    register = Accumulator(bits=16, overflow="saturate", saturates_pairs=True)
    expected = replace(
        find_policy("tflm"),
        name="tflm{accumulator_bits=16,accumulator_overflow=saturate,saturates_pairs=True,"
        "add=fixed20,softmax=table}",
        accumulator=register,
        add="fixed20",
        softmax="table",
    )
    assert numerics == expected
    assert str(register) == "16 bits that saturate, pairs in 16 bits"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("conv", "half_up", ("numerics.conv", "'half_up'", "gemmlowp, half_up_twice")),
        ("add", "shift30", ("numerics.add", "'shift20'", "'shift30'")),
        ("accumulator_overflow", "clip", ("numerics.accumulator_overflow", "'wrap'", "'clip'")),
        ("accumulator_bits", 65, ("numerics.accumulator_bits", "64", "65")),
        ("accumulator_bits", 7, ("numerics.accumulator_bits", "8", "7")),
        ("policy", "tfl", ("numerics.policy", "'tfl'", "tflite-ref")),
    ],
)
def test_unknown_choices_are_refused(key: str, value: object, words: tuple[str, ...]) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(DEVICE, {f"numerics.{key}": value})
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []
