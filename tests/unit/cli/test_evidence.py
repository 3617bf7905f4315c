"""`hwsim validate` and `hwsim fit`, as users call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwsim.profile import load_profile
from tests.unit.cli.harness import Hwsim

DEVICE = "rpizero_xnnpack"


def test_validate_replays_a_family(hwsim: Hwsim, tmp_path: Path) -> None:
    ended = hwsim("validate", "--device", DEVICE, "--json", str(tmp_path / "v.json"))
    assert ended.status == 0
    assert DEVICE in ended.out
    (whole, own) = json.loads((tmp_path / "v.json").read_text())["validations"]
    assert (whole["profile"], own["profile"]) == (f"{DEVICE}*", DEVICE)
    evidence = load_profile(DEVICE).evidence
    assert evidence is not None
    assert own["held_out"]["mape"] == pytest.approx(evidence.held_out_mape, abs=2e-3)
    assert own["macs"]["mape"] > own["held_out"]["mape"] > own["in_sample"]["mape"]


def test_validate_refuses_what_was_never_fitted(hwsim: Hwsim) -> None:
    ended = hwsim("validate", "--device", "systolic64_sim")
    assert ended.status == 2
    assert "not fitted to measurements" in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_fit_writes_a_profile(hwsim: Hwsim, tmp_path: Path) -> None:
    table, output = tmp_path / "mine.csv", tmp_path / "mine.yaml"
    table.write_text("network,latency_ms,source\nmlperf_kws,50,me\n")
    arguments = ("--measurements", str(table), "--scale-only", "--output", str(output))
    ended = hwsim("fit", "stm32l4r5_xcubeai", *arguments)
    assert ended.status == 0
    assert "one network cannot be held out" in ended.out
    assert load_profile(str(output)).is_calibrated


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--measurements CSV with --output, or --update"),
        (("--measurements", "none.csv"), "--output"),
        (("--update", "--output", "x.yaml"), "--update: "),
        (("--update", "--scale-only"), "--update: "),
        (("--measurements", "none.csv", "--output", "x.txt"), ".yaml"),
        (("--measurements", "none.csv", "--output", "x.yaml"), "none.csv: not readable"),
        (("--measurements", "x.csv", "--update"), "or --update"),
    ],
)
def test_fit_tells_mistakes_in_one_line(
    hwsim: Hwsim, arguments: tuple[str, ...], told: str
) -> None:
    ended = hwsim("fit", "stm32l4r5_xcubeai", *arguments)
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_an_update_rewrites_shipped_profiles_only(hwsim: Hwsim, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ndescription: mine\ninherits: {DEVICE}\n")
    ended = hwsim("fit", str(path), "--update")
    assert ended.status == 2
    assert "rewrites shipped profiles only" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--output", "nowhere/x.yaml"), "--output: expected a file in a folder"),
        (("--output", "x.yaml", "--samples", "nowhere/x.csv"), "--samples: expected a file in"),
        (("--output", "x.yaml", "--samples", "."), "--samples: expected a file in"),
        (("--output", "x.yaml", "--samples", "./x.yaml"), "another file than --output"),
    ],
)
def test_calibrate_measures_only_what_it_can_write(
    hwsim: Hwsim, arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*_: object, **__: object) -> None:
        pytest.fail("it measures")

    monkeypatch.setattr("hwsim.calibrate.command.calibrated", measured)
    ended = hwsim("calibrate", "--runtime", "onnxruntime", *arguments)
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1
