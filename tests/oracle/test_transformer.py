"""The integer parts of a transformer's encoder block are LiteRT's: attention, GELU, products."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.execute import prepare_all
from hwsim.numerics import Quant
from tests.oracle import litert
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import FUSED, Call, Tensor, activation, constant, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SEEDS: Final = 12
LENGTH, HEADS, WIDTH = 5, 2, 4
FEATURES: Final = HEADS * WIDTH


class Block:
    """Calls and tensors of an encoder block, collected in order."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.tensors: list[Tensor] = []
        self.calls: list[Call] = []

    def made(self, name: str, shape: tuple[int, ...], quant: Quant) -> str:
        self.tensors.append(activation(name, shape, quant))
        return name

    def call(self, code: str, table: str, inputs: tuple[str, ...], result: str, **o: Any) -> str:
        self.calls.append(Call(code=code, inputs=inputs, outputs=(result,), table=table, options=o))
        return result

    def quant(self, name: str) -> Quant:
        found = next(tensor.quant for tensor in self.tensors if tensor.name == name)
        assert found is not None
        return found

    def linear(self, name: str, source: str, features: int, out: int) -> str:
        codes, w = self.draw.weights(out, 0, out, features)
        bias, b = self.draw.bias(self.quant(source), w, out)
        self.tensors += [constant(f"{name}.w", codes, w), constant(f"{name}.b", bias, b)]
        self.made(name, (1, LENGTH, out), self.draw.quant(0.06))
        inputs = (source, f"{name}.w", f"{name}.b")
        options = {"KeepNumDims": True, "FusedActivationFunction": FUSED["none"]}
        return self.call("FULLY_CONNECTED", "FullyConnectedOptions", inputs, name, **options)

    def heads(self, name: str, source: str) -> str:
        """Split features into heads: [1, heads, length, width]."""
        quant = self.quant(source)
        shape = np.array([1, LENGTH, HEADS, WIDTH], np.int32)
        self.tensors.append(constant(f"{name}.shape", shape))
        self.tensors.append(constant(f"{name}.axes", np.array([0, 2, 1, 3], np.int32)))
        split = self.made(f"{name}.split", (1, LENGTH, HEADS, WIDTH), quant)
        self.call("RESHAPE", "ReshapeOptions", (source, f"{name}.shape"), split)
        self.made(name, (1, HEADS, LENGTH, WIDTH), quant)
        return self.call("TRANSPOSE", "TransposeOptions", (split, f"{name}.axes"), name)


def block(draw: Draw) -> Case:
    b = Block(draw)
    b.made("x", (1, LENGTH, FEATURES), draw.quant(0.03))
    query, key, value = (
        b.heads(f"{part}.heads", b.linear(part, "x", FEATURES, FEATURES)) for part in "qkv"
    )
    b.made("scores", (1, HEADS, LENGTH, LENGTH), draw.quant(0.2))
    b.call("BATCH_MATMUL", "BatchMatMulOptions", (query, key), "scores", AdjY=True)
    b.made("shares", (1, HEADS, LENGTH, LENGTH), draw.fixed(1 / 256))
    b.call("SOFTMAX", "SoftmaxOptions", ("scores",), "shares", Beta=float(WIDTH**-0.5))
    b.made("mixed", (1, HEADS, LENGTH, WIDTH), draw.quant(0.04))
    b.call("BATCH_MATMUL", "BatchMatMulOptions", ("shares", value), "mixed")
    mixed = b.quant("mixed")
    b.tensors.append(constant("back.axes", np.array([0, 2, 1, 3], np.int32)))
    b.made("back", (1, LENGTH, HEADS, WIDTH), mixed)
    b.call("TRANSPOSE", "TransposeOptions", ("mixed", "back.axes"), "back")
    b.tensors.append(constant("joined.shape", np.array([1, LENGTH, FEATURES], np.int32)))
    b.made("joined", (1, LENGTH, FEATURES), mixed)
    b.call("RESHAPE", "ReshapeOptions", ("back", "joined.shape"), "joined")
    b.linear("attended", "joined", FEATURES, FEATURES)
    b.made("first", (1, LENGTH, FEATURES), draw.quant(0.08))
    b.call("ADD", "AddOptions", ("x", "attended"), "first")
    b.linear("wide", "first", FEATURES, 3 * FEATURES)
    b.made("gelu", (1, LENGTH, 3 * FEATURES), draw.quant(0.04))
    b.call("GELU", "GeluOptions", ("wide",), "gelu", Approximate=bool(draw.integer(0, 1)))
    b.linear("narrow", "gelu", 3 * FEATURES, FEATURES)
    b.made("y", (1, LENGTH, FEATURES), draw.quant(0.1))
    b.call("ADD", "AddOptions", ("first", "narrow"), "y")
    x = draw.codes(b.quant("x"), 20, LENGTH, FEATURES)
    return Case(content=tflite_bytes(b.tensors, b.calls, ["x"], ["y"]), x=x)


def tensors_of(case: Case, names: set[str]) -> dict[str, Array]:
    """Return LiteRT's tensors of these names; scratch space of its kernels has others."""
    runner: Any = litert.interpreter(case.content, "tflite-ref", keeps_tensors=True)
    (source,) = runner.get_input_details()
    places = {d["name"]: d["index"] for d in runner.get_tensor_details() if d["name"] in names}
    kept: dict[str, list[Array]] = {name: [] for name in places}
    for sample in case.x.reshape(-1, *source["shape"]):
        runner.set_tensor(source["index"], sample)
        runner.invoke()
        for name, place in places.items():
            kept[name].append(runner.get_tensor(place).copy())
    return {name: np.stack(values) for name, values in kept.items()}


def test_every_tensor_of_an_encoder_block(tmp_path: Path) -> None:
    path = tmp_path / "block.tflite"
    for seed in range(SEEDS):
        case = block(Draw(seed))
        path.write_bytes(case.content)
        graph = hwsim.load(path)
        assert all(type_.quant is not None for type_ in graph.tensors.values())
        want = tensors_of(case, set(graph.tensors))
        got = prepare_all(graph, "tflite-ref", tuple(graph.tensors))(case.x)
        compared = [name for name in got if name in want]
        assert len(compared) >= len(graph.nodes)
        off = {
            name: int((got[name].reshape(want[name].shape) != want[name]).sum())
            for name in compared
        }
        assert {name: count for name, count in off.items() if count} == {}, seed


def gelu(draw: Draw, *, is_approximate: bool) -> Case:
    x, y = (draw.quant(float(draw.rng.choice([0.01, 0.03, 0.1]))) for _ in range(2))
    tensors = [activation("x", (1, 256), x), activation("y", (1, 256), y)]
    call = Call(
        code="GELU", inputs=("x",), outputs=("y",), table="GeluOptions",
        options={"Approximate": is_approximate},
    )  # fmt: skip
    codes: Array = np.arange(x.low, x.high + 1, dtype=x.dtype).reshape(1, 256)
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=codes)


@pytest.mark.parametrize("policy", litert.RESOLVERS)
@pytest.mark.parametrize("is_unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("is_approximate", [False, True], ids=["erf", "tanh"])
def test_gelu(is_approximate: bool, is_unsigned: bool, policy: str, tmp_path: Path) -> None:
    path = tmp_path / "gelu.tflite"
    for seed in range(2 * SEEDS):
        case = gelu(Draw(seed, is_unsigned=is_unsigned), is_approximate=is_approximate)
        path.write_bytes(case.content)
        want = litert.outputs(case.content, case.x, policy)
        got = hwsim.run(hwsim.load(path), case.x, numerics=policy).reshape(want.shape)
        assert int((got != want).sum()) == 0, seed
