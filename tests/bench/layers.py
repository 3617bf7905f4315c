"""Print how fast single layers are beside LiteRT and ONNX Runtime, as ratios taken in one run.

A ratio is the peer's time over ours: above 1, we are faster. Every layer's bytes are first compared
with LiteRT's reference kernels.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from ai_edge_litert.interpreter import (  # pyright: ignore[reportMissingTypeStubs]
    Interpreter,
    OpResolverType,
)

import hwsim
from hwsim.arrays import Array
from hwsim.numerics import Quant, find_policy
from hwsim.op import Site
from hwsim.plan import convolution, depthwise, linear
from hwsim.plan.instruction import (
    ALIGNMENT,
    COLUMNS,
    FIRST_NUMBER,
    OPCODE,
    SCRATCH,
    SLACK,
    Instruction,
    X,
    Y,
)
from tests.oracle.tflite_writer import FUSED, PADDING, Call, activation, constant, tflite_bytes

litert: Any = Interpreter
ort: Any = onnxruntime
helper: Any = onnx.helper

LITERT: Final = {
    "LiteRT reference": OpResolverType.BUILTIN_REF,
    "LiteRT without delegates": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "LiteRT XNNPACK": OpResolverType.AUTO,
}
ORT: Final = "ONNX Runtime uint8"
# Rounds are short and interleaved: whatever else the machine does hits everyone.
ROUNDS: Final = 40
ROUND_S: Final = 0.001
X_SCALE, W_SCALE = 0.03, 0.01


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: `conv`, `depthwise` or `linear`."""

    kind: str
    size: tuple[int, int] = (1, 1)
    channels: int
    out: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1

    @property
    def name(self) -> str:
        """What it is called in the table."""
        if self.kind == "linear":
            return f"linear {self.channels} -> {self.out}"
        (h, w), (kh, kw) = self.size, self.kernel
        to = "" if self.kind == "depthwise" else f" -> {self.out}"
        return f"{self.kind} {kh}x{kw}/{self.stride} {h}x{w}x{self.channels}{to}"

    @property
    def extents(self) -> tuple[int, int]:
        """Height and width of the output."""
        return -(-self.size[0] // self.stride), -(-self.size[1] // self.stride)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        depth = 1 if self.kind == "depthwise" else self.channels
        return math.prod((*self.extents, *self.kernel, depth, self.out))


def conv(size: int, channels: int, out: int, kernel: int = 1, stride: int = 1) -> Layer:
    """Return a square convolution."""
    return Layer(
        kind="conv", size=(size, size), channels=channels, out=out, kernel=(kernel, kernel),
        stride=stride,
    )  # fmt: skip


def deep(size: int, channels: int, kernel: int = 3, stride: int = 1) -> Layer:
    """Return a square depthwise convolution."""
    return Layer(
        kind="depthwise", size=(size, size), channels=channels, out=channels,
        kernel=(kernel, kernel), stride=stride,
    )  # fmt: skip


LAYERS: Final = (
    conv(96, 3, 32, 3, 2),
    Layer(kind="conv", size=(49, 10), channels=1, out=64, kernel=(10, 4), stride=2),
    conv(32, 16, 16, 3),
    conv(16, 32, 32, 3),
    conv(8, 64, 64, 3),
    conv(32, 64, 64, 3),
    conv(7, 512, 512, 3),
    conv(48, 8, 16),
    conv(48, 64, 64),
    conv(28, 128, 256),
    conv(14, 256, 256),
    conv(7, 512, 1024),
    deep(48, 64),
    deep(48, 16, 3, 2),
    deep(28, 256),
    deep(14, 512),
    deep(24, 96, 5),
    Layer(kind="linear", channels=640, out=128),
    Layer(kind="linear", channels=128, out=128),
    Layer(kind="linear", channels=512, out=1000),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Random integers for a layer: weights [out, kernel height, kernel width, depth]."""

    x: Array
    weights: Array
    bias: Array
    scales: Array
    x_zero: int
    y_scale: float
    y_zero: int


def draw(layer: Layer) -> Data:
    """Return integers that use the output's whole range."""
    rng = np.random.default_rng(0)
    depth = 1 if layer.kind == "depthwise" else layer.channels
    shape = (1, layer.channels) if layer.kind == "linear" else (1, *layer.size, layer.channels)
    weights = rng.integers(-127, 128, (layer.out, *layer.kernel, depth)).astype(np.int8)
    spread = 74 * 74 * math.sqrt(math.prod(weights.shape[1:]))
    return Data(
        x=rng.integers(-128, 128, shape).astype(np.int8),
        weights=weights,
        bias=rng.integers(-2000, 2000, layer.out).astype(np.int32),
        scales=rng.uniform(0.5 * W_SCALE, W_SCALE, layer.out).astype(np.float32),
        x_zero=3,
        y_scale=float(np.float32(X_SCALE * W_SCALE * spread / 60)),
        y_zero=-5,
    )


def tflite_model(layer: Layer, data: Data) -> bytes:
    """Return the layer as a TensorFlow Lite file."""
    is_deep, is_linear = layer.kind == "depthwise", layer.kind == "linear"
    scales = tuple(data.scales[:1].tolist() if is_linear else data.scales.tolist())
    axis = None if is_linear else 3 if is_deep else 0
    weights = data.weights.transpose(3, 1, 2, 0) if is_deep else data.weights
    if is_linear:
        weights = weights.reshape(layer.out, -1)
    zeros = (0,) * len(scales)
    x = Quant(scale=(float(np.float32(X_SCALE)),), zero_point=(data.x_zero,))
    bias_scales = tuple(float(np.float32(x.scale[0]) * np.float32(s)) for s in scales)
    bias = Quant(scale=bias_scales, zero_point=zeros, axis=None if is_linear else 0, bits=32)
    shape = (1, layer.out) if is_linear else (1, *layer.extents, layer.out)
    options: dict[str, int | float | bool] = {"FusedActivationFunction": FUSED["none"]}
    if not is_linear:
        options |= {
            "Padding": PADDING["same"], "StrideW": layer.stride, "StrideH": layer.stride,
            "DilationWFactor": 1, "DilationHFactor": 1,
        }  # fmt: skip
    if is_deep:
        options["DepthMultiplier"] = 1
    code, table = {
        "conv": ("CONV_2D", "Conv2DOptions"),
        "depthwise": ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"),
        "linear": ("FULLY_CONNECTED", "FullyConnectedOptions"),
    }[layer.kind]
    tensors = [
        activation("x", data.x.shape, x),
        constant(
            "w", np.ascontiguousarray(weights), Quant(scale=scales, zero_point=zeros, axis=axis)
        ),
        constant("b", data.bias, bias),
        activation("y", shape, Quant(scale=(data.y_scale,), zero_point=(data.y_zero,))),
    ]
    call = Call(code=code, inputs=("x", "w", "b"), outputs=("y",), table=table, options=options)
    return tflite_bytes(tensors, [call], ["x"], ["y"])


def onnx_job(layer: Layer, data: Data) -> Callable[[], object]:
    """Return a run of the layer in ONNX Runtime, with uint8 activations."""
    is_linear = layer.kind == "linear"
    u8 = onnx.TensorProto.UINT8
    weights = (
        data.weights.reshape(layer.out, -1) if is_linear else data.weights.transpose(0, 3, 1, 2)
    )
    arrays = {
        "xs": np.float32(X_SCALE), "xz": np.uint8(data.x_zero + 128),
        "w": np.ascontiguousarray(weights),
        "ws": data.scales[0] if is_linear else data.scales,
        "wz": np.int8(0) if is_linear else np.zeros(layer.out, np.int8),
        "ys": np.float32(data.y_scale), "yz": np.uint8(data.y_zero + 128), "b": data.bias,
    }  # fmt: skip
    if is_linear:
        names = ["x", "xs", "xz", "w", "ws", "wz", "b", "ys", "yz"]
        node = helper.make_node("QGemm", names, ["y"], domain="com.microsoft", transB=1)
        x, out = data.x, (1, layer.out)
    else:
        names = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
        node = helper.make_node(
            "QLinearConv", names, ["y"], auto_pad="SAME_UPPER", strides=[layer.stride] * 2,
            group=layer.channels if layer.kind == "depthwise" else 1,
        )  # fmt: skip
        x, out = data.x.transpose(0, 3, 1, 2), (1, layer.out, *layer.extents)
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", u8, x.shape)],
        [helper.make_tensor_value_info("y", u8, out)],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    bound = session.io_binding()
    codes = np.ascontiguousarray((x.astype(np.int16) + 128).astype(np.uint8))
    bound.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(codes))
    bound.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_shape_and_type(out, np.uint8))
    return lambda: session.run_with_iobinding(bound)


def litert_job(content: bytes, x: Array, resolver: Any) -> tuple[Callable[[], object], Array]:
    """Return a run of the layer in LiteRT, and its result."""
    made = litert(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    made.allocate_tensors()
    made.set_tensor(made.get_input_details()[0]["index"], x)
    made.invoke()
    return made.invoke, made.get_tensor(made.get_output_details()[0]["index"]).copy()


def our_job(content: bytes, x: Array) -> tuple[Callable[[], object], Callable[[], Array]]:
    """Return a run of the layer here, from bytes to bytes as the peers' are, and its result."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.tflite"
        path.write_bytes(content)
        graph = hwsim.load(path)
    (node,) = graph.nodes
    site = Site(
        name=node.name,
        inputs=graph.input_types(node),
        outputs=graph.output_types(node),
        numerics=find_policy("tflite-ref"),
    )
    op: Any = node.op
    if op.kind == "linear":
        family, runner = linear, linear.run_linear
    elif op.is_depthwise:
        family, runner = depthwise, depthwise.run_depthwise
    else:
        family, runner = convolution, convolution.run_convolution
    instructions = family.instructions(op, site)
    assert instructions is not None
    arena, constants, row = placed(instructions[0], x, site.outputs[0].elements)

    def result() -> Array:
        codes = arena[row[Y] : row[Y] + site.outputs[0].elements].astype(np.int16) - 128
        return codes.astype(np.int8).reshape(site.outputs[0].shape)

    compiled: Any = runner
    call = compiled.dispatcher
    return lambda: call(arena, constants, row), result


def placed(instruction: Instruction, x: Array, elements: int) -> tuple[Array, Array, Array]:
    """Return arena, constants and row of an instruction alone, `x` in place."""
    places = np.cumsum([0, *(-(-(n + SLACK) // ALIGNMENT) * ALIGNMENT for n in (x.size, elements))])
    arena = aligned(int(places[2]) + instruction.scratch_bytes + SLACK)
    arena[: x.size] = (x.astype(np.int16) + 128).astype(np.uint8).reshape(-1)
    constants = aligned(len(instruction.constants))
    constants[:] = instruction.constants
    row = np.zeros(COLUMNS, np.int64)
    row[[OPCODE, X, Y, SCRATCH]] = instruction.opcode, *places
    row[FIRST_NUMBER : FIRST_NUMBER + len(instruction.numbers)] = instruction.numbers
    return arena, constants, row


def aligned(size: int) -> Array:
    """Return zeros that start at a cache line."""
    room = np.zeros(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size]


def least_times_s(jobs: list[Callable[[], object]]) -> list[float]:
    """Return the least seconds of each job, taken in turns: what others do only adds."""
    repeats: list[int] = []
    for job in jobs:
        job()
        start = time.perf_counter()
        job()
        repeats.append(max(1, round(ROUND_S / (time.perf_counter() - start))))
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for job, repeat, times in zip(jobs, repeats, taken, strict=True):
            start = time.perf_counter()
            for _ in range(repeat):
                job()
            times.append((time.perf_counter() - start) / repeat)
    return [min(times) for times in taken]


def layer_ratios(layer: Layer) -> tuple[dict[str, float], float]:
    """Return the ratio to each peer, and our multiply-accumulates per second.

    Raises:
        AssertionError: Our bytes are not those of LiteRT's reference kernels.
    """
    data = draw(layer)
    content = tflite_model(layer, data)
    ours, result = our_job(content, data.x)
    jobs: list[Callable[[], object]] = [ours]
    for name, resolver in LITERT.items():
        job, want = litert_job(content, data.x, resolver)
        jobs.append(job)
        if name == "LiteRT reference":
            ours()
            off = int((result() != want).sum())
            assert off == 0, f"{layer.name}: {off} of {want.size} bytes differ from the reference"
    jobs.append(onnx_job(layer, data))
    mine, *theirs = least_times_s(jobs)
    ratios = {name: t / mine for name, t in zip((*LITERT, ORT), theirs, strict=True)}
    return ratios, layer.macs / mine


def geomean(ratios: Iterable[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def all_ratios(layers: Iterable[Layer] = LAYERS) -> dict[str, dict[str, float]]:
    """Return the ratios of every layer, and their geometric means, by row of the table."""
    results: dict[str, dict[str, float]] = {}
    kinds: dict[str, str] = {}
    for layer in layers:
        results[layer.name], speed = layer_ratios(layer)
        kinds[layer.name] = layer.kind
        shown = "  ".join(f"{ratio:7.2f}" for ratio in results[layer.name].values())
        print(f"{layer.name:34s} {shown}   {speed / 1e9:6.1f} GMAC/s", flush=True)
    for kind in (*dict.fromkeys(kinds.values()), ""):
        names = [name for name in kinds if not kind or kinds[name] == kind]
        row = f"geometric mean{', ' if kind else ''}{kind}"
        results[row] = {
            peer: geomean(results[name][peer] for name in names) for peer in (*LITERT, ORT)
        }
        shown = "  ".join(f"{ratio:7.2f}" for ratio in results[row].values())
        print(f"{row:34s} {shown}")
    return results


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    all_ratios()
