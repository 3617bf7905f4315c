"""Conditions: what they mean, and that nothing else can be said."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import RecipeError
from hwsim.sweeps.where import condition

POINT: dict[str, object] = {
    "scale.clock": 2.0, "sparsity": 0.5, "bits": 8, "device": "rpi4", "is_signed": True,
    "hardware.mac_pj.8x8": 1.5, "hardware.mac_pj.8x8g": 2.5,
}  # fmt: skip

MEANINGS = {
    "scale.clock * 2 <= 4": True,
    "scale.clock * 2 < 4": False,
    "sparsity > 0.5 or bits == 4": False,
    "sparsity >= 0.5 and not bits == 4": True,
    "1 < bits <= 8": True,
    "1 < bits <= 7": False,
    "-bits + 10 / 4 == -5.5": True,
    "device == 'rpi4'": True,
    "device != 'scale.clock'": True,
    "is_signed and (bits - 8) * 3 == 0": True,
    "hardware.mac_pj.8x8 < hardware.mac_pj.8x8g": True,
    " bits == 8": True,
}

NONSENSE = {
    "__import__('os').system('true')": "expected comparisons",
    "device.upper() == 'RPI4'": "expected comparisons",
    "bits.real > 1": "got 'bits.real'",
    "(lambda: 1)() == 1": "expected comparisons",
    "[bits][0] > 1": "expected comparisons",
    "f'{bits}' == '8'": "expected comparisons",
    "2 ** bits > 1": "got '2 ** bits'",
    "bits if sparsity else 3": "expected comparisons",
    "bits in device": "expected == != < <= > >=",
    "(bits := 3) > 1": "expected comparisons",
    "bits > 1; bits": "expected comparisons",
    "bits >": "invalid syntax",
    "": "expected comparisons",
    "bits > 1\x00": "null bytes",
    "width > 1": "nothing is called 'width'; known: ",
    "scale.clokc > 1": "got 'scale.clokc'",
    "(" * 300 + "bits" + ")" * 300 + " > 1": "too many nested",
    "-" * 400 + "1 > bits": "expected at most 200 parts",
    "1" * 1001: "expected at most 1000 characters",
    "1" * 999 + ">": "expected comparisons",
}

FAILURES = {
    "bits": "expected something true or false, got 8",
    "bits and is_signed": "'bits'.*expected something true or false",
    "not device": "'device'.*expected something true or false",
    "device > 3": "expected two numbers or two texts to compare, got device = 'rpi4' and 3$",
    "device * 3 == 1": "expected a number to calculate with, got device = 'rpi4'",
    "is_signed + 1 == 2": "expected a number to calculate with",
    "bits / (bits - 8) > 1": "division by zero",
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_condition_means_what_python_means(text: str) -> None:
    assert condition(text, POINT)(POINT) is MEANINGS[text]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_everything_else_is_refused_before_any_point(text: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(NONSENSE[text])) as refused:
        condition(text, POINT)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("text", FAILURES)
def test_what_means_nothing_at_a_point_is_refused_there(text: str) -> None:
    with pytest.raises(RecipeError, match=FAILURES[text]):
        condition(text, POINT)(POINT)


@given(text=st.text(alphabet="bits.8 ()<>=+-*/'\"andorot_[]{}\\\n#", max_size=40))
def test_no_text_does_anything_but_hold_fail_or_be_refused(text: str) -> None:
    with suppress(RecipeError):
        assert condition(text, POINT)(POINT) in (True, False)
