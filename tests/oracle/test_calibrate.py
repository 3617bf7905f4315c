"""A tiny calibration on each runtime runs to its end; nothing here depends on how fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.calibrate.bare import without_conversions
from hwsim.calibrate.command import calibrated
from hwsim.calibrate.layers import Layer
from hwsim.calibrate.measure import Clock
from hwsim.calibrate.networks import whole_network
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.probe import Probe
from hwsim.calibrate.runtimes import RUNTIMES, HostRuntime
from hwsim.evaluation import evaluate
from hwsim.interchange import save
from hwsim.profile import load_profile, problems, read_tree, unsourced

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# A core that is never shared and never changes its rate, so that a busy host passes too.
QUIET = Clock(probe=lambda: Probe(rate_hz=3e9, busy_s=1e-5), sleep=lambda _: None)

runtimes = pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)


@runtimes
def test_a_tiny_plan_becomes_a_profile(runtime: HostRuntime, tmp_path: Path) -> None:
    pytest.importorskip(runtime.package)
    made = calibrated(
        runtime, "this_host", threads=1, seed=0, patience_s=60.0, clock=QUIET, share=0.02,
        networks=("mlperf_ad",),
    )  # fmt: skip
    path = tmp_path / "this_host.yaml"
    path.write_text(made.text, encoding="utf-8")
    tree = read_tree(path)
    assert problems(tree, path.stem) == []
    assert unsourced(tree) == []
    for types in runtime.types:
        result = evaluate(whole_network("mlperf_ad", types), load_profile(str(path)))
        assert result.estimate.latency_s > 0


def test_onnx_runtime_is_given_nothing_but_the_layer(tmp_path: Path) -> None:
    runtime: Any = pytest.importorskip("onnxruntime")
    layer = Layer(kind="pointwise_conv2d", types="8x8", size=8, channels=16, out=16)
    path = tmp_path / "layer.onnx"
    save(graph_of(layer), path)
    options = runtime.SessionOptions()
    optimized = tmp_path / "optimized.onnx"
    options.optimized_model_filepath = str(optimized)
    options.log_severity_level = 3
    session = runtime.InferenceSession(
        without_conversions(path.read_bytes()), options, providers=["CPUExecutionProvider"]
    )
    onnx: Any = pytest.importorskip("onnx")
    kinds = [node.op_type for node in onnx.load(optimized).graph.node]
    assert kinds == ["QLinearConv"]
    (source,) = session.get_inputs()
    (y,) = session.run(None, {source.name: np.zeros(source.shape, np.uint8)})
    assert y.shape == (1, 8, 8, 16)
