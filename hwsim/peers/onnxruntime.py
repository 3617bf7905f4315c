"""Tensors of ONNX Runtime's CPU kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import DataError
from hwsim.peers._package import package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hwsim.arrays import Array


def onnxruntime_tensors(path: Path, x: Array, wanted: Sequence[str]) -> dict[str, Array]:
    """Return the wanted tensors that ONNX Runtime computes for stacked inputs, by name.

    They are made outputs of the model, so no optimisation may drop them; extended ones stay on,
    since they make integer kernels of quantize-dequantize pairs. Layouts that depend on the
    processor stay off.

    Args:
        path: An .onnx file of one input.
        x: [samples, ...], as the input takes it.
        wanted: Names; those that the file does not have are passed over.

    Returns:
        [samples, *tensor shape] each, in ONNX's own order of axes.

    Raises:
        DataError: ONNX Runtime refuses the model or the inputs.
        UnsupportedError: The package is missing.
    """
    runtime: Any = package("onnxruntime")
    onnx: Any = package("onnx")
    model = onnx.load(path)
    outputs = [output.name for output in model.graph.output]
    made = [name for node in model.graph.node for name in node.output]
    extra = [name for name in made if name in set(wanted) and name not in outputs]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # One sample at a time, also where the batch is left open.
    source = model.graph.input[0]
    shape = [axis.dim_value or 1 for axis in source.type.tensor_type.shape.dim]
    samples = x.reshape(-1, *shape)
    try:
        session = runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        rows: list[list[Array]] = [
            session.run(outputs + extra, {source.name: sample}) for sample in samples
        ]
    except Exception as error:
        # Its errors share no base but Exception.
        raise DataError(f"{path.name}: ONNX Runtime: {' '.join(str(error).split())}") from error
    names = [*outputs, *extra]
    return {
        name: np.stack(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
