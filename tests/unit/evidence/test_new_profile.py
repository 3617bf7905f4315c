"""A user's own measurements become a profile that says what it was fitted on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim.cost import count, price
from hwsim.errors import MeasurementError, ProfileError
from hwsim.evidence.networks import network
from hwsim.evidence.new_profile import fitted_profile
from hwsim.lower import lower
from hwsim.profile import load_profile, problems, read_tree, unsourced

PARENT = "stm32l4r5_xcubeai"
NETWORKS = ("mlperf_ad", "mlperf_ic", "mlperf_kws", "mlperf_vww")


def latency_ms(name: str, device: str) -> float:
    program = lower(network(name), load_profile(device))
    return 1e3 * price(program, count(program)).latency_s


def table(tmp_path: Path, rows: dict[str, float]) -> Path:
    path = tmp_path / "mine.csv"
    lines = [f"{name},{value},my board" for name, value in rows.items()]
    path.write_text("\n".join(["network,latency_ms,source", *lines]) + "\n")
    return path


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert problems(read_tree(path), "mine") == []
    assert unsourced(read_tree(path)) == []
    return str(path)


def test_one_network_gives_a_scale_and_the_familys_error(tmp_path: Path) -> None:
    twice = {"mlperf_kws": 2 * latency_ms("mlperf_kws", PARENT)}
    made = fitted_profile(
        PARENT, table(tmp_path, twice), name="mine", version="9.0", is_scale_only=True
    )
    path = written(tmp_path, made.text)
    profile = load_profile(path)
    assert profile.runtime.version == "9.0"
    assert profile.runtime.current.removes_dead_channels
    for name in NETWORKS:
        assert latency_ms(name, path) == pytest.approx(2 * latency_ms(name, PARENT), rel=1e-3)
    assert "scaled by" in profile.description
    assert "mlperf_kws" in profile.description
    evidence = profile.evidence
    assert evidence is not None
    assert evidence.held_out_mape == evidence.anchored_mape
    assert any("one network cannot be held out" in line for line in made.report)


def test_constants_follow_several_networks(tmp_path: Path) -> None:
    """Layers that cost twice as much to start move that constant, and hardly another."""
    base = load_profile(PARENT)
    dear = load_profile(PARENT, {"runtime.constants.call": 2 * base.runtime.constants["call"]})
    rows: dict[str, float] = {}
    for name in NETWORKS:
        program = lower(network(name), dear)
        rows[name] = 1e3 * price(program, count(program)).latency_s
    made = fitted_profile(
        PARENT, table(tmp_path, rows), name="mine", version=None, is_scale_only=False
    )
    path = written(tmp_path, made.text)
    for name in NETWORKS:
        assert latency_ms(name, path) == pytest.approx(rows[name], rel=0.03)
    evidence = load_profile(path).evidence
    assert evidence is not None
    assert evidence.n == 4
    assert evidence.held_out_mape >= evidence.in_sample_mape


def test_a_profile_without_named_constants_can_only_be_scaled(tmp_path: Path) -> None:
    rows = table(tmp_path, {"mlperf_kws": 1.0})
    with pytest.raises(MeasurementError, match="--scale-only needs none"):
        fitted_profile("systolic64_sim", rows, name="mine", version=None, is_scale_only=False)
    made = fitted_profile("systolic64_sim", rows, name="mine", version=None, is_scale_only=True)
    profile = load_profile(written(tmp_path, made.text))
    assert profile.evidence is None
    assert any("uncalibrated" in line for line in made.report)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("network,latency_ms,source\nmlperf_kws,,me\n", "at least one measured latency"),
        ("network,latency_ms,source\nnowhere,1,me\n", "no network 'nowhere'"),
        ("network,latency_ms,source,types\nmlperf_kws,1,me,2x2\n", "types"),
        ("network,latency_ms,source,set\nmlperf_kws,1,me,hardware.clok=2\n", "clok"),
        ("network,latency_ms,source\ngemm{m=0},1,me\n", "gemm"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(MeasurementError, match=told) as caught:
        fitted_profile(PARENT, path, name="mine", version=None, is_scale_only=True)
    assert "\n" not in str(caught.value)


def test_a_missing_parent_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no device profile 'nobody'"):
        fitted_profile(
            "nobody", table(tmp_path, {"mlperf_kws": 1}), name="m", version=None, is_scale_only=True
        )
