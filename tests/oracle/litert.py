"""LiteRT as an oracle: outputs and intermediate tensors of a model for stacked inputs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from hwsim.arrays import Array

litert: Any = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert")

# Which of LiteRT's kernels each policy of ours claims to be.
RESOLVERS: Final[dict[str, Any]] = {
    "tflite-ref": litert.OpResolverType.BUILTIN_REF,
    "tflite-ruy": litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": litert.OpResolverType.AUTO,
}


def interpreter(content: bytes, policy: str, *, keeps_tensors: bool = False) -> Any:
    made: Any = litert.Interpreter(
        model_content=content,
        experimental_op_resolver_type=RESOLVERS[policy],
        experimental_preserve_all_tensors=keeps_tensors,
        num_threads=1,
    )
    made.allocate_tensors()
    return made


def outputs(content: bytes, x: Array, policy: str) -> Array:
    """Return the first output for stacked inputs [samples, ...]: [samples, ...]."""
    runner = interpreter(content, policy)
    (source,), sink = runner.get_input_details(), runner.get_output_details()[0]
    results: list[Array] = []
    for sample in x.reshape(-1, *source["shape"]):
        runner.set_tensor(source["index"], sample)
        runner.invoke()
        results.append(runner.get_tensor(sink["index"]).copy())
    return np.stack(results)


def tensors(content: bytes, x: Array) -> dict[str, Array]:
    """Return every tensor of the reference kernels for stacked inputs, by name."""
    runner = interpreter(content, "tflite-ref", keeps_tensors=True)
    (source,) = runner.get_input_details()
    kept: dict[str, list[Array]] = {}
    for sample in x.reshape(-1, *source["shape"]):
        runner.set_tensor(source["index"], sample)
        runner.invoke()
        for detail in runner.get_tensor_details():
            try:
                value = runner.get_tensor(detail["index"]).copy()
            except ValueError:
                continue  # Scratch space of a kernel has no data to show.
            kept.setdefault(detail["name"], []).append(value)
    return {name: np.stack(values) for name, values in kept.items()}
