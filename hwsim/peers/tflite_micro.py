"""Tensors of TensorFlow Lite for Microcontrollers, by its own interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tflite

from hwsim.errors import DataError
from hwsim.peers._package import package
from hwsim.peers.litert import stacked_tensors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hwsim.arrays import Array

# Room for all tensors at once, whatever the model: kernels keep scratch space beside them.
_SPARE_BYTES = 1 << 24
_TIMES_MODEL = 10


def tflite_micro_tensors(path: Path, x: Array, wanted: Sequence[str] = ()) -> dict[str, Array]:
    """Return every tensor that TFLite Micro computes for stacked inputs, by name.

    Args:
        path: A .tflite file of one input.
        x: [samples, ...], as the input takes it.
        wanted: All are given, whatever is wanted.

    Returns:
        [samples, *tensor shape] each.

    Raises:
        DataError: It refuses the model or the inputs.
        UnsupportedError: The package is missing.
    """
    del wanted
    runtime: Any = package("tflite_micro.python.tflite_micro.runtime")
    content = path.read_bytes()
    # The generated classes are untyped.
    model: Any = tflite.Model.GetRootAsModel(content, 0)  # pyright: ignore[reportUnknownMemberType]
    subgraph: Any = model.Subgraphs(0)
    computed = [
        (int(index), subgraph.Tensors(int(index)))
        for operator in map(subgraph.Operators, range(subgraph.OperatorsLength()))
        for index in operator.OutputsAsNumpy()
    ]
    bytes_each = [_elements(tensor) * 4 for _, tensor in computed]
    try:
        runner = runtime.Interpreter.from_bytes(
            content,
            arena_size=_TIMES_MODEL * len(content) + sum(bytes_each) + _SPARE_BYTES,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )
        shape = runner.get_input_details(0)["shape"]
        kept: dict[str, list[Array]] = {}
        for sample in x.reshape(-1, *shape):
            runner.set_input(sample, 0)
            runner.invoke()
            for index, tensor in computed:
                value = runner.GetTensor(index, 0)["tensor_data"].copy()
                kept.setdefault(tensor.Name().decode(errors="replace"), []).append(value)
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{path.name}: TFLite Micro: {' '.join(str(error).split())}") from error
    return stacked_tensors(kept, len(x))


def _elements(tensor: Any) -> int:
    elements = 1
    for axis in range(tensor.ShapeLength()):
        elements *= tensor.Shape(axis)
    return elements
