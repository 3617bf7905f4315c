"""The networks that were measured: shapes only, as tables, files or synthetic graphs."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsim.errors import HwsimError, MeasurementError
from hwsim.evidence.measurement import FOLDER
from hwsim.evidence.synthetic import is_synthetic, synthetic
from hwsim.formats import Dense
from hwsim.interchange import load
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.op import Op

_WIDE = "16x8"
_TYPES = ("8x8", _WIDE, "f32")
# Of a name that no file can have.
_SHOWN = 80


@lru_cache(maxsize=256)
def network(name: str, types: str = "8x8", folder: Path | None = None) -> Graph:
    """Return a measured network.

    Args:
        name: The stem of a table in `networks/`, a file beside the measurements, or a synthetic
            graph such as `gemm{m=512,k=512,n=512}`.
        types: `8x8`, `16x8` or `f32`: what a table's tensors and weights are taken as.
        folder: Of the measurements that name a file.

    Raises:
        MeasurementError: There is no such network, or it has no such types.
    """
    if types not in _TYPES:
        raise MeasurementError(f"{name}: types: expected one of {', '.join(_TYPES)}, got {types!r}")
    try:
        if is_synthetic(name):
            if types != "f32":
                raise MeasurementError(f"{name}: synthetic graphs are of f32, got types {types!r}")
            return synthetic(name)
        table = FOLDER / "networks" / f"{name}.csv"
        if table.is_file():
            return _as_types(load(str(table)), types)
        path = (folder or Path()) / name
        if path.is_file():
            return load(str(path))
    except MeasurementError:
        raise
    except OSError as error:
        raise MeasurementError(f"network {name[:_SHOWN]!r}: {error.strerror}") from error
    except HwsimError as error:
        raise MeasurementError(f"network {name!r}: {error}") from error
    raise MeasurementError(
        f"no network {name!r}: no table of that name is shipped, and there is no file {str(path)!r}"
    )


def _as_types(graph: Graph, types: str) -> Graph:
    """Return the shapes of an 8-bit table with reals or 16-bit activations."""
    if types == "8x8":
        return graph
    tensors = {name: _typed(type_, types) for name, type_ in graph.tensors.items()}
    if types == _WIDE:
        return replace(graph, tensors=tensors)
    ops = {node.name: _real(node.op) for node in graph.nodes}
    return replace(graph, tensors=tensors).with_ops(ops)


def _typed(type_: TensorType, types: str) -> TensorType:
    if type_.quant is None or types != _WIDE:
        return replace(type_, quant=None)
    zeros = (0,) * len(type_.quant.zero_point)
    return replace(type_, quant=replace(type_.quant, bits=16, zero_point=zeros))


def _real(op: Op) -> Op:
    """Return the op with float32 constants that have the same zeros."""
    if not is_dataclass(op):
        return op
    constants: dict[str, Any] = {
        field.name: _real_weight(value)
        for field in fields(op)
        if isinstance(value := getattr(op, field.name), Weight)
    }
    return replace(op, **constants)


def _real_weight(weight: Weight) -> Weight:
    if isinstance(weight.format, Dense) and weight.nonzero.all():
        # Hundreds of megabytes of a large network, of which nobody reads more than the shape.
        codes = np.broadcast_to(np.float32(1.0), weight.shape)
    else:
        codes = weight.nonzero.reshape(weight.shape).astype(np.float32)
    return Weight(codes=codes, format=weight.format)
