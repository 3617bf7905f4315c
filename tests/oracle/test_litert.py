"""hwsim's integers are LiteRT's: each op alone, ties included, and whole models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import hwsim
from hwsim.arrays import Array
from hwsim.execute import prepare_all
from hwsim.graph import Graph
from hwsim.numerics import Quant
from tests.oracle import litert
from tests.oracle.single_ops import CASES, Case, Draw, depthwise_of_one, softmax
from tests.oracle.tflite_writer import FUSED, Call, activation, constant, tflite_bytes

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SHARED: Final = Path(__file__).parents[3] / "shared"
INTEGER_MODELS: Final = (
    "ad01_int8",
    "kws_ref_model",
    "pretrainedResnet_quant",
    "vww_96_int8",
)
FLOAT_MODELS: Final = ("ad01_fp32", "pretrainedResnet", "vww_96_float")
POLICIES: Final = tuple(litert.RESOLVERS)
# Every second case has scales that are powers of two, and so exact ties.
SEEDS: Final = 24
DIFFERING_SOFTMAXES: Final = (3, 7, 10)
UNTOLD: Final = {(depthwise_of_one, "tflite-ruy")}
# How far LiteRT's kernels differ from each other: where they did not, the comparisons above would
# show less than they say.
DIFFERING_OPS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("tflite-ref", "xnnpack"): (
        "add",
        "conv",
        "depthwise",
        "linear",
        "mul",
        "quantize",
        "requantize",
    ),
    ("tflite-ref", "tflite-ruy"): (
        "conv",
        "depthwise",
        "dequantize",
        "linear",
        "quantize",
        "requantize",
    ),
}


def differing(case: Case, policy: str, folder: Path) -> tuple[int, int]:
    """Return how many values differ, and of how many."""
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    want = litert.outputs(case.content, case.x, policy)
    got = hwsim.run(hwsim.load(path), case.x, numerics=policy).reshape(want.shape)
    return int((got != want).sum()), want.size


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("is_unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_op_alone(
    make: Callable[[Draw], Case], is_unsigned: bool, policy: str, tmp_path: Path
) -> None:
    if (make, policy) in UNTOLD:
        pytest.skip(f"a graph does not tell {make.__name__}, which {policy} rounds otherwise")
    off = {
        seed: differing(make(Draw(seed, is_unsigned=is_unsigned)), policy, tmp_path)
        for seed in range(SEEDS)
    }
    assert {seed: bad for seed, (bad, _) in off.items() if bad} == {}
    assert sum(values for _, values in off.values()) > 500


def _clamp_case(code: str, y: Quant, activation_name: str) -> Case:
    """All codes through an op that changes nothing but for its fused activation."""
    x = np.arange(-128, 128, dtype=np.int8).reshape(1, 256, 1, 1)
    tensors = [activation("x", x.shape, y), activation("y", x.shape, y)]
    inputs, options = ("x",), {"FusedActivationFunction": FUSED[activation_name]}
    if code == "MUL":
        table = "MulOptions"
        inputs = ("x", "one")
        tensors.append(constant("one", np.ones((1, 1, 1, 1), np.int8), Quant(scale=(1.0,))))
    elif code == "ADD":
        table = "AddOptions"
        inputs = ("x", "zero")
        zero = np.full((1, 1, 1, 1), y.zero_point[0], np.int8)
        tensors.append(constant("zero", zero, y))
    elif code == "CONV_2D":
        table = "Conv2DOptions"
        inputs = ("x", "one", "none")
        options |= {"Padding": 1, "StrideW": 1, "StrideH": 1}
        options |= {"DilationWFactor": 1, "DilationHFactor": 1}
        tensors.append(constant("one", np.ones((1, 1, 1, 1), np.int8), Quant(scale=(1.0,))))
        tensors.append(constant("none", np.zeros(1, np.int32), Quant(scale=y.scale, bits=32)))
    else:
        table = "Pool2DOptions"
        options |= {"Padding": 1, "StrideW": 1, "StrideH": 1, "FilterWidth": 1, "FilterHeight": 1}
    call = Call(code=code, inputs=inputs, outputs=("y",), table=table, options={**options})
    return Case(content=tflite_bytes(tensors, [call], ["x"], ["y"]), x=x)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("code", ["ADD", "MUL", "CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize(("fused", "bound"), [("relu6", 6.0), ("relu_n1_to_1", 1.0)])
def test_bounds_of_fused_activations_that_fall_between_two_codes(
    code: str, policy: str, fused: str, bound: float, tmp_path: Path
) -> None:
    off = 0
    for half in np.arange(0.5, 24.5):
        # bound / scale is a half: TFLite rounds it away from zero, XNNPACK to even.
        quant = Quant(scale=(float(np.float32(bound / half)),), zero_point=(-5,))
        off += differing(_clamp_case(code, quant, fused), policy, tmp_path)[0]
    assert off == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_softmax_where_the_kernels_differ(policy: str, tmp_path: Path) -> None:
    """The two kernels differ in one value of 200,000, so this takes many; some must differ."""
    cases = [softmax(Draw(seed), samples=4000) for seed in DIFFERING_SOFTMAXES]
    assert [differing(case, policy, tmp_path)[0] for case in cases] == [0] * len(cases)
    for case in cases:
        ours, theirs = (litert.outputs(case.content, case.x, name) for name in POLICIES[::2])
        assert (ours != theirs).any()


@pytest.mark.parametrize(("pair", "ops"), DIFFERING_OPS.items())
def test_the_policies_are_not_one(pair: tuple[str, str], ops: tuple[str, ...]) -> None:
    by_name = {make.__name__: make for make in CASES}
    for name in ops:
        off = 0
        for seed in range(SEEDS):
            case = by_name[name](Draw(seed))
            ours, theirs = (litert.outputs(case.content, case.x, policy) for policy in pair)
            off += int((ours != theirs).sum())
        assert off > 0, name


def model_bytes(name: str) -> bytes:
    path = SHARED / "models" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path.read_bytes()


def load(name: str) -> Graph:
    return hwsim.load(SHARED / "models" / f"{name}.tflite")


def codes(name: str, count: int) -> Array:
    (source,) = litert.interpreter(model_bytes(name), "tflite-ref").get_input_details()
    info = np.iinfo(source["dtype"])
    shape = (count, *source["shape"][1:])
    return np.random.default_rng(11).integers(info.min, info.max + 1, shape, source["dtype"])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", INTEGER_MODELS)
def test_outputs_of_integer_models(name: str, policy: str) -> None:
    x = codes(name, 20)
    want = litert.outputs(model_bytes(name), x, policy)
    got = hwsim.run(load(name), x, numerics=policy)
    assert int((got.reshape(want.shape) != want).sum()) == 0


@pytest.mark.parametrize("name", INTEGER_MODELS)
def test_every_tensor_of_integer_models(name: str) -> None:
    x = codes(name, 3)
    want, graph = litert.tensors(model_bytes(name), x), load(name)
    got = prepare_all(graph, "tflite-ref", tuple(graph.tensors))(x)
    compared = [tensor for tensor in got if tensor in want]
    assert len(compared) >= len(graph.nodes)
    assert {
        tensor: int((got[tensor].reshape(want[tensor].shape) != want[tensor]).sum())
        for tensor in compared
        if not np.array_equal(got[tensor].reshape(want[tensor].shape), want[tensor])
    } == {}


def relative_errors(name: str, policy: str, count: int) -> Array:
    """Return max |ours - theirs| / max |theirs| of each of `count` samples."""
    (source,) = litert.interpreter(model_bytes(name), policy).get_input_details()
    rng = np.random.default_rng(12)
    x = rng.standard_normal((count, *source["shape"][1:])).astype(np.float32)
    want = litert.outputs(model_bytes(name), x, policy).reshape(count, -1)
    got = hwsim.run(load(name), x, numerics=policy).reshape(count, -1)
    return np.abs(got - want).max(axis=1) / np.abs(want).max(axis=1)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_outputs_of_float_models(name: str, policy: str) -> None:
    """float64 sums against float32 ones in another order: 1e-5 of the largest output."""
    assert relative_errors(name, policy, 5).max() <= 1e-5


@pytest.mark.parametrize("policy", POLICIES)
def test_outputs_of_a_dynamic_range_model(policy: str) -> None:
    """Its layers quantize what comes in, so now and then an error of 1e-7 turns one code over.

    Most samples stay within the error of the sums; the few others within one step of a code.
    """
    errors = relative_errors("kws_ref_model_float32", policy, 20)
    assert float(np.median(errors)) <= 1e-6
    assert int((errors <= 1e-5).sum()) >= 15
    assert errors.max() <= 1e-2


@pytest.mark.parametrize(
    ("policy", "right"), [("tflite-ref", 901), ("tflite-ruy", 901), ("xnnpack", 902)]
)
def test_accuracy_of_keyword_spotting(policy: str, right: int) -> None:
    path = SHARED / "samples" / "kws01.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with np.load(path) as file:
        x, y = file["x"], file["y"]
    predicted = hwsim.run(load("kws_ref_model"), x, numerics=policy).argmax(axis=1)
    assert int((predicted == y).sum()) == right
    oracle = litert.outputs(model_bytes("kws_ref_model"), x, policy).reshape(len(x), -1)
    assert int((oracle.argmax(axis=1) == y).sum()) == right
