from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
import yaml

from hwsim.calibrate.command import Calibrated, calibrated
from hwsim.calibrate.networks import whole_network
from hwsim.calibrate.runtimes import RUNTIMES, find_runtime
from hwsim.errors import MeasurementError, UnsupportedError
from hwsim.evaluation import evaluate
from hwsim.profile import load_profile, problems, read_tree, unsourced
from tests.graphs import attention
from tests.unit.calibrate.fake import PER_INFERENCE, RATE_HZ, FakeHost, cycles_of
from tests.unit.cli.harness import Hwsim

NETWORKS = ("mlperf_ad", "mlperf_ic")


def run(host: FakeHost) -> Calibrated:
    return calibrated(
        host.runtime(), "fake_host", threads=1, seed=0, patience_s=60.0, table="samples.csv",
        clock=host.clock, share=0.6, networks=NETWORKS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Calibrated:
    return run(FakeHost())


@pytest.fixture
def path(made: Calibrated, tmp_path: Path) -> Path:
    path = tmp_path / "fake_host.yaml"
    path.write_text(made.text, encoding="utf-8")
    return path


def test_the_profile_is_sound_and_sourced(path: Path) -> None:
    tree = read_tree(path)
    assert problems(tree, path.stem) == []
    assert unsourced(tree) == []


def test_the_profile_prices_what_was_not_fitted(path: Path) -> None:
    device = load_profile(str(path))
    for name in NETWORKS:
        graph = whole_network(name, "8x8")
        predicted_s = evaluate(graph, device).estimate.latency_s
        assert predicted_s == pytest.approx(cycles_of(graph) / RATE_HZ, rel=0.02)
    assert device.runtime.per_inference == pytest.approx(PER_INFERENCE, rel=0.01)
    assert device.hardware.clock_hz == RATE_HZ


def test_an_op_that_was_not_measured_is_refused_by_name(path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"attention/ln1: .* no kernel for layer_norm"):
        evaluate(attention(), load_profile(str(path)))


def test_evidence_is_of_held_out_layers(made: Calibrated) -> None:
    evidence = yaml.safe_load(made.text)["evidence"]
    rows = [row for row in csv.DictReader(io.StringIO(made.table)) if row["part"] == "held_out"]
    assert evidence["n"] == len(rows)
    assert evidence["held_out_mape"] < 0.03
    assert evidence["macs_mape"] > 0.2
    assert evidence["measurements"] == ["samples.csv"]


def test_the_report_names_what_was_judged(made: Calibrated) -> None:
    text = "\n".join(made.report)
    for word in ("layers held out", "MAC counting", "roofline", *NETWORKS, "depthwise_conv2d"):
        assert word in text


def test_a_busy_host_is_said_in_one_line() -> None:
    host = FakeHost(busy=lambda count: 1.0 + count % 7)
    with pytest.raises(MeasurementError, match=r"too busy.*--patience") as raised:
        run(host)
    assert "\n" not in str(raised.value)


def test_runtimes_are_found_by_name() -> None:
    assert [find_runtime(runtime.name) for runtime in RUNTIMES] == list(RUNTIMES)
    with pytest.raises(UnsupportedError, match=r"no runtime 'tvm'.*litert, onnxruntime"):
        find_runtime("tvm")


def test_a_missing_package_is_said_in_one_line(
    hwsim: Hwsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    output = tmp_path / "host.yaml"
    ended = hwsim("calibrate", "--runtime", "litert", "--output", str(output))
    assert ended.status == 2
    assert "ai-edge-litert" in ended.err
    assert ended.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_only_yaml_is_written(hwsim: Hwsim, tmp_path: Path) -> None:
    ended = hwsim("calibrate", "--runtime", "litert", "--output", str(tmp_path / "host.json"))
    assert ended.status == 2
    assert "ends in .yaml" in ended.err
