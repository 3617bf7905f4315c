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

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

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
        PARENT,
        table(tmp_path, twice),
        tmp_path / "mine.yaml",
        version="9.0",
        is_scale_only=True,
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
        PARENT,
        table(tmp_path, rows),
        tmp_path / "mine.yaml",
        version=None,
        is_scale_only=False,
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
        fitted_profile(
            "systolic64_sim", rows, tmp_path / "mine.yaml", version=None, is_scale_only=False
        )
    made = fitted_profile(
        "systolic64_sim", rows, tmp_path / "mine.yaml", version=None, is_scale_only=True
    )
    profile = load_profile(written(tmp_path, made.text))
    assert profile.evidence is None
    assert any("uncalibrated" in line for line in made.report)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("network,latency_ms,source\nmlperf_kws,,me\n", "at least one measured latency"),
        ("network,latency_ms,source\nnowhere,1,me\n", "no network 'nowhere'"),
        (f"network,latency_ms,source\n{'a' * 5000},1,me\n", "network 'aaa"),
        ("network,latency_ms,source,types\nmlperf_kws,1,me,2x2\n", "types"),
        ("network,latency_ms,source,set\nmlperf_kws,1,me,hardware.clok=2\n", "clok"),
        ("network,latency_ms,source\ngemm{m=0},1,me\n", "gemm"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(MeasurementError, match=told) as caught:
        fitted_profile(PARENT, path, tmp_path / "mine.yaml", version=None, is_scale_only=True)
    assert "\n" not in str(caught.value)


def test_a_missing_parent_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no device profile 'nobody'"):
        fitted_profile(
            "nobody",
            table(tmp_path, {"mlperf_kws": 1}),
            tmp_path / "m.yaml",
            version=None,
            is_scale_only=True,
        )


def heir(path: Path, inherits: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"name: {path.stem}\ndescription: a heir\ninherits: {inherits}\n")
    return path


@pytest.mark.parametrize("place", ["mine.yaml", "parents/mine.yaml", "heirs/mine.yaml"])
def test_a_parent_of_ones_own_is_found_from_the_heir(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    heir(tmp_path / "parents" / "parent.yaml", "systolic64_sim")
    output = tmp_path / place
    output.parent.mkdir(exist_ok=True)
    rows = table(tmp_path, {"mlperf_kws": 1.0})
    made = fitted_profile("parents/parent.yaml", rows, output, version="9", is_scale_only=True)
    output.write_text(made.text)
    assert load_profile(str(output)).runtime.version == "9"


@pytest.mark.parametrize(
    ("parent", "place", "told"),
    [
        ("parents/parent.yaml", "parents/parent.yaml", "this is the parent"),
        ("parents/parent.yml", "mine.yaml", "ends in .yaml"),
        ("systolic64_sim", "systolic64_sim.yaml", "would hide the shipped profile"),
        ("systolic64_sim", "parents/mine.yaml", "would hide the shipped profile"),
    ],
)
def test_an_heir_that_would_not_find_its_parent_is_refused(
    tmp_path: Path, parent: str, place: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    heir(tmp_path / "parents" / "parent.yaml", "t4_tensorrt")
    heir(tmp_path / "parents" / "parent.yml", "t4_tensorrt")
    heir(tmp_path / "parents" / "systolic64_sim.yaml", "t4_tensorrt")
    rows = table(tmp_path, {"mlperf_kws": 1.0})
    with pytest.raises(ProfileError, match=told):
        fitted_profile(parent, rows, tmp_path / place, version="9", is_scale_only=True)
