"""Fuzz the reader of ONNX models: fields of its messages are damaged, and its bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwsim.interchange import load
from tests.fuzz.models import written, written_of
from tests.fuzz.mutations import AWKWARD, flipped
from tests.fuzz.target import Target

WORDS = (
    "Conv", "AveragePool", "MaxPool", "Pad", "Resize", "Tile", "Expand", "ConstantOfShape", "Range",
    "Gather", "Slice", "LSTM", "MatMul", "Gemm", "QLinearConv", "DequantizeLinear", "Reshape",
    "Constant", "Concat", "Split", "Upsample", "CumSum", "OneHot", "location", "offset", "length",
    "../input.onnx", "/etc/passwd", "beside.bin", "kernel_shape", "pads", "strides", "dilations",
)  # fmt: skip
BESIDE = "beside.bin"
STYLES = ("qdq", "qoperator", "sparse")
# Their activation becomes a Clip of integers, which the reader has none of.
CLIPPED = frozenset({
    "add_broadcast", "add_scalar", "average_pool_of_zeros", "conv_relu6", "conv_depthwise",
    "conv_transpose_grouped", "elementary_relu", "elementary_relu6", "elementary_relu_0_to_1",
    "elementary_relu_n1_to_1", "linear_rows", "max_pool_relu6", "mul_broadcast", "sub_broadcast",
})  # fmt: skip


def _seeds() -> Iterator[bytes]:
    yield from written(".onnx", *STYLES, but=CLIPPED)
    yield from map(_proto_bytes, (_outside(), _folded()))


def _odd() -> Iterator[bytes]:
    yield from written_of(CLIPPED, ".onnx", *STYLES)


def _proto_bytes(model: Any) -> bytes:
    return model.SerializeToString()


def _outside() -> Any:
    """Return a model whose weight lies in a file beside it."""
    weight = TensorProto(name="w", dims=[4, 4], data_type=TensorProto.FLOAT)
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", BESIDE), ("offset", "0"), ("length", "64")):
        weight.external_data.add(key=key, value=value)
    return _model([helper.make_node("MatMul", ["x", "w"], ["y"])], [weight])


def _folded() -> Any:
    """Return a model of nodes that are computed while it is read."""
    given = {
        "shape": np.array([2, 2], np.int64),
        "one": np.ones((1, 1), np.float32),
        "end": np.array(4, np.int64),
        "start": np.array(0, np.int64),
        "step": np.array(1, np.int64),
    }
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["a"]),
        helper.make_node("Expand", ["one", "shape"], ["b"]),
        helper.make_node("Tile", ["b", "shape"], ["c"]),
        helper.make_node("Range", ["start", "end", "step"], ["r"]),
        helper.make_node("Cast", ["r"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "f"], ["z"]),
        helper.make_node("MatMul", ["z", "w"], ["y"]),
        helper.make_node("Concat", ["a", "a"], ["w2"], axis=0),
        helper.make_node("Concat", ["w2", "w2"], ["w"], axis=1),
    ]
    order = [0, 1, 2, 3, 4, 5, 7, 8, 6]
    given_protos = [numpy_helper.from_array(array, name) for name, array in given.items()]
    return _model([nodes[i] for i in order], given_protos)


def _model(nodes: list[Any], constants: list[Any]) -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph(nodes, "net", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def _mutate(content: bytes, rng: Random) -> bytes:
    model: Any = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:
        return flipped(content, rng)
    if rng.random() < 0.1:
        return flipped(content, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        _damage(model, rng)
    return model.SerializeToString()


def _damage(model: Any, rng: Random) -> None:
    """Change one field of one message, each level as likely."""
    message = model
    while True:
        fields = [(f, v) for f, v in message.ListFields() if f.name not in ("doc_string",)]
        inner = [
            part
            for field, value in fields
            if field.type == field.TYPE_MESSAGE
            for part in (value if hasattr(value, "append") else [value])
        ]
        if not fields or not inner or (message is not model and rng.random() < 0.2):
            break
        message = rng.choice(inner)
    if fields:
        field, value = rng.choice(fields)
        _change(message, field, value, rng)


def _change(message: Any, field: Any, value: Any, rng: Random) -> None:
    if rng.random() < 0.1:
        message.ClearField(field.name)
        return
    if hasattr(value, "append"):
        at = rng.randrange(len(value)) if len(value) else 0
        if field.type == field.TYPE_MESSAGE:
            if rng.random() < 0.5 and len(value):
                value.add().CopyFrom(value[at])
            elif len(value):
                del value[at]
            return
        new = _scalar(value[at] if len(value) else 0, rng)
        try:
            if len(value) and rng.random() < 0.7:
                value[at] = new
            else:
                value.append(new)
        except (TypeError, ValueError, OverflowError):
            pass
        return
    if field.type != field.TYPE_MESSAGE:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            setattr(message, field.name, _scalar(value, rng))


def _scalar(value: Any, rng: Random) -> Any:
    if isinstance(value, bytes):
        return flipped(value, rng) if rng.random() < 0.7 else rng.choice(WORDS).encode()
    if isinstance(value, str):
        return rng.choice((*WORDS, "x", "y", "w", value + "0", "", "\n"))
    if isinstance(value, int) and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 2, 7, 16))
    return rng.choice([n for n in AWKWARD if type(n) is type(value)] or [value])


def _read(path: Path) -> object:
    beside = path.parent / BESIDE
    if not beside.exists():
        beside.write_bytes(bytes(64))
    return load(path)


TARGET = Target(
    name="onnx", suffix=".onnx", seeds=_seeds, read=_read, mutate=_mutate, words=WORDS, odd=_odd
)
