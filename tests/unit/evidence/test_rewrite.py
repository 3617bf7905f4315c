"""What a fit found goes into a profile's text and leaves the rest of it alone."""

from __future__ import annotations

import pytest
import yaml

from hwsim.errors import MeasurementError
from hwsim.evidence.rewrite import rounded, with_constants, with_evidence, with_scale
from hwsim.profile import Evidence

TEXT = """name: toy
runtime:
  # Kept.
  version: "8.1"
  versions:
    "7.3": {scale: 1.0}
    "8.1": {scale: 0.95, removes_dead_channels: true}
  constants: {mac: 1.0, output: 20.0,
    call: 3000.0}
  code_bytes: 7
sources:
  runtime: "assumed: a toy"
"""
EVIDENCE = Evidence(
    measurements=("rows.csv",),
    n=7,
    left_out="network",
    held_out_mape=0.1,
    held_out_median=0.1,
    held_out_p90=0.2,
    within_10=0.5,
    within_20=1.0,
    in_sample_mape=0.05,
    macs_mape=0.3,
    roofline_mape=0.3,
)


def test_constants_are_replaced_over_all_their_lines() -> None:
    text = with_constants(TEXT, {"mac": 1.23456, "output": 2e4, "call": 0.0})
    assert yaml.safe_load(text)["runtime"]["constants"] == {
        "mac": 1.235,
        "output": 20000.0,
        "call": 0.0,
    }
    assert yaml.safe_load(text)["runtime"]["code_bytes"] == 7
    assert "# Kept." in text


def test_one_scale_is_replaced_and_what_stands_beside_it_stays() -> None:
    versions = yaml.safe_load(with_scale(TEXT, "8.1", 0.80001))["runtime"]["versions"]
    assert versions == {
        "7.3": {"scale": 1.0},
        "8.1": {"scale": 0.8, "removes_dead_channels": True},
    }


def test_evidence_is_written_replaced_and_taken_away() -> None:
    once = with_evidence(TEXT, EVIDENCE)
    assert yaml.safe_load(once)["evidence"]["n"] == 7
    assert with_evidence(once, EVIDENCE) == once
    other = with_evidence(once, EVIDENCE.model_copy(update={"n": 8}))
    assert yaml.safe_load(other)["evidence"]["n"] == 8
    assert with_evidence(once, None) == TEXT


def test_a_text_without_a_place_is_refused() -> None:
    with pytest.raises(MeasurementError, match="constants"):
        with_constants("name: toy\n", {"mac": 1.0})
    with pytest.raises(MeasurementError, match=r"9\.0"):
        with_scale(TEXT, "9.0", 1.0)


@pytest.mark.parametrize(("value", "kept"), [(123456.0, 123500.0), (0.0, 0.0), (1e-5, 1e-5)])
def test_numbers_keep_four_digits(value: float, kept: float) -> None:
    assert rounded(value) == kept
