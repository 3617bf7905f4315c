import json
import math
from dataclasses import replace
from typing import Any

import pytest

from reports.as_json import Json
from tests.comparisons import comparison

# The contract of design.md, section 7: keys may be added, never renamed.
RESULT_KEYS = {
    "model",
    "recipe",
    "device",
    "profile_sha256",
    "calibrated",
    "latency_s",
    "latency_low_s",
    "latency_high_s",
    "energy_j",
    "peak_ram_bytes",
    "flash_bytes",
    "fits",
    "accuracy",
    "macs",
    "macs_effective",
    "steps",
}
STEP_KEYS = {"name", "op", "executed_as", "reason", "latency_s", "terms"}


def document() -> dict[str, Any]:
    return json.loads(Json().render(comparison()))


def test_contract_keys_are_there() -> None:
    made = document()
    assert made["hwsim_version"] == "0.1.0"
    assert len(made["results"]) == 17
    assert len(made["refusals"]) == 1
    for result in made["results"]:
        assert set(result) >= RESULT_KEYS
        assert result["accuracy"] is None or set(result["accuracy"]) == {"top1", "n"}
        assert all(set(step) >= STEP_KEYS for step in result["steps"])


def test_terms_sum_to_steps_and_steps_to_results() -> None:
    for result in document()["results"]:
        for step in result["steps"]:
            # The same floats in the same order give the same sum.
            assert sum(step["terms"].values()) == step["latency_s"]
            assert sum(step["energy_terms"].values()) == step["energy_j"]
        assert sum(step["latency_s"] for step in result["steps"]) == result["latency_s"]
        assert sum(step["energy_j"] for step in result["steps"]) == result["energy_j"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_say_is_an_error(value: float) -> None:
    made = comparison()
    first = made.results[0]
    broken = replace(first, estimate=replace(first.estimate, latency_high_s=value))
    with pytest.raises(ValueError, match="JSON"):
        Json().render(replace(made, results=(broken,)))
