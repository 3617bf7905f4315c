"""`hwsim run --against`: other runtimes and records, in words, JSON and exit status."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import compressors
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.execute import prepare_all
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.peers import PEERS, Peer
from tests.graphs import attention, decoder, residual, samples
from tests.unit.cli.harness import Hwsim

PACKAGES = {
    "litert": "ai_edge_litert",
    "litert-ref": "ai_edge_litert",
    "litert-ruy": "ai_edge_litert",
    "tflite-micro": "tflite_micro",
    "onnxruntime": "onnxruntime",
}


def run(model: str, *more: str) -> tuple[str, ...]:
    return ("run", model, "--data", "data.npz", "--output", "y.npz", *more)


def test_every_runtime_is_listed_here() -> None:
    assert set(PACKAGES) == {peer.name for peer in PEERS}


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("is_own", [False, True], ids=["written for it", "its own file"])
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_its_own_policy_is_what_a_runtime_computes(hwsim: Hwsim, peer: Peer, is_own: bool) -> None:
    pytest.importorskip(PACKAGES[peer.name], reason=f"needs {PACKAGES[peer.name]}")
    model = f"int8{peer.suffix}" if is_own else "int8.hwsim"
    save(load("int8.hwsim"), model)
    ended = hwsim(*run(model, "--against", peer.name))
    assert (ended.status, ended.err) == (0, "")
    assert "no difference" in ended.out
    assert "compared" in ended.out
    assert Path("y.npz").is_file()


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "peer"),
    [(attention, "onnxruntime"), (decoder, "onnxruntime"), (decoder, "litert-ref")],
)
def test_tensors_between_operators_of_reals_are_the_graphs(
    hwsim: Hwsim, build: Callable[[], Graph], peer: str
) -> None:
    """An op that becomes several operators there gives its name to the last one."""
    pytest.importorskip(PACKAGES[peer], reason=f"needs {PACKAGES[peer]}")
    graph = build()
    save(graph, "reals.hwsim")
    np.savez("data.npz", x=samples(graph, 3).astype(np.float32))
    ended = hwsim(*run("reals.hwsim", "--against", peer))
    assert (ended.status, ended.err) == (0, "")


@pytest.fixture
def ties(hwsim: Hwsim) -> Hwsim:
    """Return the command line beside a model that two runtimes compute otherwise."""
    graph = residual()
    x = samples(graph, 40)[:, 0].astype(np.float32)
    save(compressors.parse("quantize").apply(graph, Data(x=x)), "int8.hwsim")
    np.savez("data.npz", x=x)
    return hwsim


@pytest.mark.slow
def test_the_first_difference_and_what_explains_it(ties: Hwsim) -> None:
    other = ("run", "int8.hwsim", "--data", "data.npz", "--numerics", "xnnpack", "--all-tensors")
    assert ties(*other, "--output", "other.npz").status == 0
    ended = ties(*run("int8.hwsim", "--against", "other.npz", "--json", "o.json"))
    assert ended.status == 1
    assert "first difference: node " in ended.out
    assert "try --numerics xnnpack" in ended.out
    assert "float32_even (a float32 product, rounded to even)" in ended.out
    found = json.loads(Path("o.json").read_text(encoding="utf-8"))
    assert (found["against"], found["numerics"]) == ("other.npz", "tflite-ref")
    divergence = found["divergence"]
    graph = load("int8.hwsim")
    with np.load("data.npz") as file:
        x = file["x"]
    tensor = divergence["tensor"]
    ours, theirs = (prepare_all(graph, p, (tensor,))(x)[tensor] for p in ("tflite-ref", "xnnpack"))
    place = (divergence["sample"], *divergence["index"])
    assert divergence["ours"] == ours[place]
    assert divergence["theirs"] == theirs[place]
    assert divergence["differing"] == int((ours != theirs).sum()) > 0
    assert ties(*run("int8.hwsim", "--against", "other.npz", "--numerics", "xnnpack")).status == 0


@pytest.mark.slow
def test_a_record_of_outputs_alone(ties: Hwsim) -> None:
    assert ties(*run("int8.hwsim")).status == 0
    Path("y.npz").rename("other.npz")
    ended = ties(*run("int8.hwsim", "--against", "other.npz"))
    assert ended.status == 0
    assert "compared" in ended.out
    assert "not given by other.npz: " in ended.out


def test_a_runtime_that_is_not_installed(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in set(PACKAGES.values()):
        for name in [package, *(m for m in sys.modules if m.startswith(f"{package}."))]:
            monkeypatch.setitem(sys.modules, name, None)
    for name, package in PACKAGES.items():
        ended = hwsim(*run("int8.hwsim", "--against", name))
        assert ended.status == 2, ended.out
        assert package.replace("_", "-") in ended.err
        assert "pip install 'hwsim[oracle]'" in ended.err
        assert ended.err.count("\n") == 1
        assert not Path("y.npz").exists()


@pytest.mark.oracle
def test_a_model_that_the_runtime_cannot_have(hwsim: Hwsim) -> None:
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("needs ai-edge-litert")
    graph = load("float.hwsim")
    save(compressors.parse("quantize{weights=3}").apply(graph, Data(x=_x())), "int3.hwsim")
    assert hwsim(*run("int3.hwsim", "--against", "litert-ref")).status == 0
    save(compressors.parse("quantize").apply(attention(), Data(x=_rows())), "rows.hwsim")
    np.savez("data.npz", x=_rows())
    ended = hwsim(*run("rows.hwsim", "--against", "litert-ref"))
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "attention/ln1: cannot be written as TFLite" in ended.err


def _rows() -> Array:
    return samples(attention(), 4)[:, 0].astype(np.float32)


def _x() -> Array:
    with np.load("data.npz") as file:
        return file["x"]
