"""Heavy instructions beside their twins, `op.prepare`: no byte differs, none is written beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays import IntArray
from hwsim.jit import target
from hwsim.kernels.micro.assembly import I8, I32, constant, shuffle, vector
from hwsim.kernels.micro.isa import ISAS, Isa, allowed, native
from hwsim.numerics import Quant, find_policy
from hwsim.numerics.rounding import ROUNDINGS, Rounding, find_rounding
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear
from hwsim.plan import convolution, depthwise, linear
from hwsim.plan.instruction import Instruction
from hwsim.tensor import TensorType, Weight
from tests.arenas import guarded

pytestmark = pytest.mark.slow

HERE: Final = tuple(isa for isa in ISAS if isa in allowed(target()[1]))
ELSEWHERE: Final = {"int16x8", "float32_added"}
SUMMED: Final = tuple(rounding for rounding in ROUNDINGS if rounding.name not in ELSEWHERE)
POLICY: Final = find_policy("tflite-ref")
INPUT: Final = Quant(scale=(0.05,), zero_point=(3,))
OUTPUT: Final = Quant(scale=(0.25,), zero_point=(-20,))
WEIGHT: Final = Quant(scale=(0.01,))
isas = pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A layer, but for its numbers."""

    channels: int
    out: int
    size: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    images: int = 1
    is_linear: bool = False
    x: Quant = INPUT
    y: Quant = OUTPUT
    weight: Quant = WEIGHT
    activation: Any = "none"
    is_tied: bool = False
    """Powers of two for scales and small weights: many ties."""
    is_wild: bool = False
    """Biases from all of int32, so that sums wrap."""


def encodings_of(spec: Spec) -> tuple[Quant, Quant, Quant]:
    """Return those of input, weight and output, per channel where the weight is symmetric."""
    rng = np.random.default_rng(spec.out)
    if spec.is_tied:
        x, y = replace(spec.x, scale=(2.0**-4,)), replace(spec.y, scale=(2.0**-3,))
        scales = 2.0 ** -rng.integers(2, 9, spec.out)
    else:
        x, y = spec.x, spec.y
        scales = rng.uniform(0.0005, 0.02, spec.out).astype(np.float32)
    if not spec.weight.is_symmetric:
        return x, spec.weight, y
    zeros = (0,) * spec.out
    return x, replace(spec.weight, scale=tuple(scales.tolist()), zero_point=zeros, axis=0), y


def made(spec: Spec, rounding: Rounding | None = None) -> tuple[Conv2d | Linear, Site, IntArray]:
    """Return the layer, where it stands, and stacked inputs for it."""
    rng = np.random.default_rng(7)
    x, w, y = encodings_of(spec)
    low, high = (-5, 5) if spec.is_tied else (w.low, w.high)
    shape = (spec.out, spec.channels // spec.groups)
    if not spec.is_linear:
        shape = (spec.out, *spec.kernel, spec.channels // spec.groups)
    zero = 0 if w.is_symmetric else w.zero_point[0]
    codes = np.clip(rng.integers(low, high + 1, shape) + zero * spec.is_tied, w.low, w.high)
    reach = (1 << 31) - 1 if spec.is_wild else 3000
    bias = Weight(
        codes=rng.integers(-reach, reach + 1, spec.out).astype(np.int32),
        quant=Quant(scale=(1.0,), bits=32),
    )
    weight = Weight(codes=codes.astype(w.dtype), quant=w)
    if spec.is_linear:
        op = Linear(weight=weight, bias=bias, activation=spec.activation)
        inputs = (spec.images, spec.channels)
    else:
        op = Conv2d(
            weight=weight, bias=bias, stride=spec.stride, padding=spec.padding,
            dilation=spec.dilation, groups=spec.groups, activation=spec.activation,
        )  # fmt: skip
        inputs = (spec.images, *spec.size, spec.channels)
    site = Site(
        name="graph/node",
        inputs=(TensorType(shape=inputs, quant=x),),
        outputs=(TensorType(shape=op.infer(inputs)[0], quant=y),),
        numerics=POLICY if rounding is None else replace(POLICY, conv=rounding, linear=rounding),
    )
    samples = rng.integers(x.low, x.high + 1, (2, *inputs)).astype(x.dtype)
    # One sample of extremes: the largest sums there are.
    samples[0] = np.where(rng.random(inputs) < 0.9, x.high, x.low)
    return op, site, samples


def instructions_of(op: Conv2d | Linear, site: Site, isa: Isa) -> tuple[Instruction, ...] | None:
    if isinstance(op, Linear):
        return linear.instructions(op, site, isa)
    family = depthwise if op.is_depthwise else convolution
    return family.instructions(op, site, isa)


def executed(op: Conv2d | Linear, site: Site, x: IntArray, isa: Isa) -> IntArray:
    """Return the codes of one sample, and check that nothing but them and scratch was written."""
    instructions = instructions_of(op, site, isa)
    assert instructions is not None
    (instruction,) = instructions
    is_deep = isinstance(op, Conv2d) and op.is_depthwise
    runner: Any = depthwise.run_depthwise if is_deep else convolution.run_convolution
    return guarded(instruction, runner, site, x)


def check(spec: Spec, isa: Isa, rounding: Rounding | None = None) -> IntArray:
    """Compare a layer with its twin, and return its codes."""
    op, site, samples = made(spec, rounding)
    (want,) = op.prepare(site)(samples)
    got = np.stack([executed(op, site, x, isa) for x in samples])
    wrong = np.argwhere(got != want)
    assert not len(wrong), f"{len(wrong)} of {want.size} differ, the first at {wrong[0].tolist()}"
    return got


UNSIGNED: Final = Quant(scale=(0.05,), zero_point=(255,), signed=False)
LOWEST: Final = Quant(scale=(0.05,), zero_point=(-128,))
SAME: Final = ((1, 1), (1, 1))
# What is peculiar about each is its name; what it is made for, its last line.
TABLE: Final = {
    "three channels": Spec(channels=3, out=33, size=(9, 8), kernel=(3, 3), stride=(2, 2),
                           padding=((0, 1), (0, 1)), x=LOWEST),
    "one channel": Spec(channels=1, out=64, size=(13, 6), kernel=(10, 4), stride=(2, 2),
                        padding=((4, 5), (1, 1))),
    "long": Spec(channels=1040, out=9, is_linear=True, images=3),
    "longer": Spec(channels=3120, out=5, is_linear=True, images=2, x=UNSIGNED),
    "pointwise": Spec(channels=67, out=70, size=(7, 7), activation="relu6"),
    "pointwise, strided": Spec(channels=16, out=8, size=(7, 5), stride=(2, 3), x=UNSIGNED),
    "dilated": Spec(channels=5, out=130, size=(9, 9), kernel=(3, 3), dilation=(2, 2), padding=SAME),
    "ties": Spec(channels=9, out=48, size=(6, 6), kernel=(3, 3), padding=SAME, is_tied=True),
    "wrapping": Spec(channels=8, out=65, size=(5, 5), kernel=(2, 2), is_wild=True),
    "groups": Spec(channels=12, out=15, size=(6, 7), kernel=(3, 2), padding=SAME, groups=3),
    "wide groups": Spec(channels=8, out=160, size=(5, 4), kernel=(3, 3), groups=2, x=LOWEST),
    "images": Spec(channels=4, out=20, size=(4, 5), kernel=(3, 3), padding=SAME, images=3),
    "long runs": Spec(channels=700, out=17, size=(3, 2), kernel=(2, 2), x=UNSIGNED),
    "one position": Spec(channels=130, out=99, size=(1, 1)),
    "deep": Spec(channels=67, out=67, size=(9, 9), kernel=(3, 3), padding=SAME, groups=67),
    "deep, strided": Spec(channels=64, out=64, size=(9, 8), kernel=(3, 3), stride=(2, 2),
                          padding=((0, 1), (0, 1)), groups=64, activation="relu"),
    "deep, few channels": Spec(channels=8, out=8, size=(11, 21), kernel=(3, 3), padding=SAME,
                               groups=8, is_tied=True),
    "deep, 24 channels": Spec(channels=24, out=24, size=(5, 9), kernel=(5, 5), groups=24,
                              padding=((2, 2), (2, 2)), x=LOWEST),
    "deep, multiplied": Spec(channels=5, out=15, size=(6, 6), kernel=(2, 3), padding=SAME,
                             groups=5, x=UNSIGNED),
    "deep, dilated": Spec(channels=70, out=70, size=(9, 9), kernel=(3, 3), dilation=(1, 3),
                          groups=70, is_wild=True),
    "deep, large": Spec(channels=3, out=3, size=(12, 12), kernel=(10, 9), groups=3),
    "linear": Spec(channels=130, out=67, is_linear=True),
    "linear, rows": Spec(channels=33, out=10, is_linear=True, images=11, is_tied=True),
    "linear, wrapping": Spec(channels=5, out=130, is_linear=True, is_wild=True, x=UNSIGNED),
}  # fmt: skip


@isas
@pytest.mark.parametrize("name", TABLE)
def test_layers_are_their_twins(name: str, isa: Isa) -> None:
    assert len(np.unique(check(TABLE[name], isa))) > 1


@pytest.mark.parametrize("rounding", SUMMED, ids=lambda rounding: rounding.name)
def test_every_rounding(rounding: Rounding) -> None:
    isa = native()
    # 67 channels: LiteRT's vectors of eight leave three.
    for name in ("pointwise", "deep", "linear, rows"):
        check(replace(TABLE[name], is_tied=True), isa, rounding)
        check(replace(TABLE[name], is_wild=True), isa, rounding)
    # Multipliers above 1 shift left.
    check(replace(TABLE["linear"], y=Quant(scale=(0.00002,))), isa, rounding)


def sdot(b: Any, total: Any, x: Any, w: Any) -> Any:
    """What Arm's SDOT of bytes less 128 does, in words that every target knows."""
    codes = b.bitcast(x, vector(I8, 16))
    signed = b.xor(codes, constant(codes.type, -128))
    for k in range(4):
        lanes = range(k, 16, 4)
        a, c = (b.sext(shuffle(b, v, v, lanes), vector(I32, 4)) for v in (signed, w))
        total = b.add(total, b.mul(a, c))
    return total


@pytest.mark.parametrize("name", TABLE)
def test_signed_products_are_centred(name: str) -> None:
    arm = next(isa for isa in ISAS if isa.name == "sdot")
    check(TABLE[name], replace(arm, name="sdot_in_words", dot=sdot))


def test_unsigned_channels_round_alike() -> None:
    spec = replace(
        TABLE["deep"], is_tied=True, y=Quant(scale=(1.0,), zero_point=(9,), signed=False)
    )
    check(spec, native(), find_rounding("half_up_twice_lanes"))


@isas
@pytest.mark.parametrize("zero", [1, 254])
@pytest.mark.parametrize("name", ["dilated", "groups", "deep", "linear"])
def test_weights_with_a_zero_point(name: str, zero: int, isa: Isa) -> None:
    weight = Quant(scale=(0.01,), zero_point=(zero,), signed=False)
    check(replace(TABLE[name], weight=weight), isa)


@isas
@pytest.mark.parametrize("name", ["pointwise", "deep"])
def test_weights_of_more_than_two_bytes_are_left_to_the_twin(name: str, isa: Isa) -> None:
    # 255 - 0 is more than two int8 add up to.
    weight = Quant(scale=(0.01, 0.02), zero_point=(0, 3), axis=0, signed=False)
    spec = replace(TABLE[name], out=2, channels=2, groups=2 if name == "deep" else 1)
    op, site, _ = made(replace(spec, weight=weight))
    found = instructions_of(op, site, isa)
    assert (found is None) == (isa.has_narrow_weights and op.weight.centred.max() == 255)


@isas
@pytest.mark.parametrize("bits", [2, 4, 7])
def test_narrow_codes(bits: int, isa: Isa) -> None:
    for signed in (False, True):
        x = Quant(scale=(0.3,), zero_point=(1,), bits=bits, signed=signed)
        y = Quant(scale=(3.0,), zero_point=(1,), bits=bits, signed=signed)
        weight = Quant(scale=(0.1,), bits=bits)
        for name in ("dilated", "deep", "linear"):
            check(replace(TABLE[name], x=x, y=y, weight=weight), isa)


def test_what_has_no_bytes_has_no_instruction() -> None:
    op, site, _ = made(TABLE["linear"])
    x = site.inputs[0]

    def of(quant: Quant | None) -> tuple[Instruction, ...] | None:
        return linear.instructions(op, replace(site, inputs=(replace(x, quant=quant),)))  # pyright: ignore

    assert of(x.quant) is not None
    assert of(None) is None
    assert of(Quant(scale=(0.1,), bits=16)) is None
    assert of(Quant(scale=(0.1,), zero_point=(200,))) is None
    wide = find_rounding("int16x8")
    assert linear.instructions(op, made(TABLE["linear"], wide)[1]) is None  # pyright: ignore


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Return any layer of moderate size."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    kind = draw(st.sampled_from(["conv", "conv", "deep", "deep", "linear"]))
    low, high = (0, 255) if draw(st.booleans()) else (-128, 127)
    zeros = st.sampled_from([low, high]) | st.integers(low, high)
    x, y = (
        Quant(scale=(scale,), zero_point=(draw(zeros),), signed=low < 0)
        for scale in (0.05, draw(st.sampled_from([0.03, 0.25, 2.0])))
    )
    common: dict[str, Any] = {
        "x": x,
        "y": y,
        "images": draw(st.integers(1, 2)),
        "activation": draw(st.sampled_from(["none", "relu", "relu6", "relu_n1_to_1"])),
        "is_tied": draw(st.booleans()),
        "is_wild": draw(st.booleans()),
    }
    if kind == "linear":
        channels, out = draw(st.integers(1, 300)), draw(st.integers(1, 150))
        return Spec(channels=channels, out=out, is_linear=True, **common)
    groups = 1
    if kind == "deep":
        groups = draw(st.integers(2, 140))
        channels, out = groups, groups * draw(st.sampled_from([1, 1, 1, 2, 3]))
    else:
        groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
        channels = groups * draw(st.integers(2 if groups > 1 else 1, 40))
        out = groups * draw(st.integers(1, 150 // groups))
    return Spec(
        channels=channels, out=out, groups=groups, size=pair(6, 14), kernel=pair(1, 3),
        stride=pair(1, 3), dilation=pair(1, 2), padding=(pair(0, 3), pair(0, 3)), **common,
    )  # fmt: skip


@settings(max_examples=100)
@given(specs())
def test_any_layer_is_its_twin(spec: Spec) -> None:
    check(spec, native())
