"""Print how fast hwsim is beside its peers, as ratios of times taken in one run on one core.

A ratio is the peer's time over ours: above 1, we are faster. Absolute times are not printed:
they say more about the machine than about the code. Batches compare all cores with one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingTypeStubs]
    Interpreter,
    OpResolverType,
)

import hwsim
from hwsim.graph import Graph
from tests.bench.caches import cache_ratios
from tests.bench.layers import all_ratios
from tests.bench.networks import mobilenet_v2, quantized, resnet18
from tests.bench.signs import sign_ratios
from tests.bench.sparse import sparse_ratios

ort: Any = onnxruntime

MODELS = Path(__file__).parents[3] / "shared" / "models"
NAMES = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")
PEERS = {
    "LiteRT reference": OpResolverType.BUILTIN_REF,
    "LiteRT without delegates": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "LiteRT XNNPACK": OpResolverType.AUTO,
}
NETWORKS: tuple[Callable[[], Graph], ...] = (resnet18, mobilenet_v2)
# Rounds are short and interleaved, so that a change of clock hits everyone; the median survives it.
ROUNDS = 25
BATCH = 64


def median_times_s(*jobs: Callable[[], object], repeat: int) -> list[float]:
    """Return the median seconds of each job, taken in turns."""
    for job in jobs:
        job()
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for job, times in zip(jobs, taken, strict=True):
            start = time.perf_counter()
            for _ in range(repeat):
                job()
            times.append((time.perf_counter() - start) / repeat)
    return [statistics.median(times) for times in taken]


def model_ratios(path: Path) -> dict[str, float]:
    """Return the ratio to each peer, one sample at a time."""
    graph = hwsim.load(path)
    run = hwsim.prepare(graph, numerics="tflite-ref")
    jobs: list[Callable[[], object]] = []
    shape = graph.tensors[graph.inputs[0]].shape
    sample = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    for resolver in PEERS.values():
        interpreter: Any = Interpreter(
            model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1
        )
        interpreter.allocate_tensors()
        details = interpreter.get_input_details()[0]
        interpreter.set_tensor(details["index"], sample)
        jobs.append(interpreter.invoke)
    ours, *theirs = median_times_s(lambda: run(sample), *jobs, repeat=10)
    return {name: peer / ours for name, peer in zip(PEERS, theirs, strict=True)}


def network_ratios(build: Callable[[], Graph]) -> dict[str, float]:
    """Return the ratio to ONNX Runtime on the same int8 network, one image at a time.

    With TFLite's integers, and with ONNX Runtime's own.
    """
    graph = quantized(build())
    ours = [hwsim.prepare(graph, numerics=policy) for policy in ("tflite-ref", "ort")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        hwsim.save(graph, path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = tuple(int(extent) for extent in given.shape)
    sample = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    theirs, *mine = median_times_s(
        lambda: session.run(None, {given.name: sample}),
        *(partial(run, sample) for run in ours),
        repeat=1,
    )
    names = "ONNX Runtime int8", "ONNX Runtime int8, its integers"
    return {name: theirs / time_s for name, time_s in zip(names, mine, strict=True)}


def batch_ratio(graph: Graph, affinity: set[int]) -> float:
    """Return how much faster a batch is on all cores than on one."""
    run = hwsim.prepare(graph)
    shape = (BATCH, *graph.tensors[graph.inputs[0]].shape[1:])
    batch = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)

    def on(cores: set[int]) -> None:
        os.sched_setaffinity(0, cores)
        run(batch)

    # The first call starts the threads, which keep to the cores that it may use.
    on(affinity)
    one, together = median_times_s(lambda: on({max(affinity)}), lambda: on(affinity), repeat=1)
    return one / together


def geomean(ratios: Iterable[float]) -> float:
    """Return the geometric mean."""
    logs = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logs) / len(logs))


def all_results() -> dict[str, dict[str, float]]:
    """Return every row of ratios, by its name."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
    results: dict[str, dict[str, float]] = {}
    graphs = {name: MODELS / f"{name}.tflite" for name in NAMES if MODELS.is_dir()}
    if len(affinity) > 1:
        for name, path in graphs.items():
            ratio = batch_ratio(hwsim.load(path), affinity)
            results[f"{name}, batch of {BATCH}"] = {f"{len(affinity)} cores over one": ratio}
        os.sched_setaffinity(0, {max(affinity)})
    for name, path in graphs.items():
        results[name] = model_ratios(path)
    if graphs:
        for peer in PEERS:
            results.setdefault("geometric mean of the four", {})[peer] = geomean(
                results[name][peer] for name in NAMES
            )
    else:
        print(f"no {MODELS.parent.name}/{MODELS.name} beside the project: its models are left out")
    for build in NETWORKS:
        results[f"{build.__name__}, 224 x 224"] = network_ratios(build)
    results |= all_ratios()
    return results | sparse_ratios() | sign_ratios() | cache_ratios()


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write")
    arguments = parser.parse_args()
    results = all_results()
    for row, ratios in results.items():
        shown = "  ".join(f"{name} {ratio:.3g}" for name, ratio in ratios.items())
        print(f"{row:42s} {shown}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
