"""Instructions that count signs beside their twins, `op.prepare`: no byte differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.arrays import IntArray
from hwsim.formats import Signs
from hwsim.jit import target
from hwsim.kernels.micro.isa import ISAS, Isa, allowed, native
from hwsim.kernels.micro.signs import counting
from hwsim.numerics import Quant, find_policy
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear
from hwsim.plan import signs
from hwsim.plan.windows import windows_of
from hwsim.tensor import TensorType, Weight
from tests.arenas import guarded

pytestmark = pytest.mark.slow

HERE: Final = tuple(counting(isa) for isa in ISAS if isa in allowed(target()[1]))
BIPOLAR: Final = Quant(scale=(0.7,), bits=1, is_bipolar=True)
OUTPUT: Final = Quant(scale=(0.9,), zero_point=(-3,))
SAME: Final = ((1, 1), (1, 1))
isas = pytest.mark.parametrize("isa", HERE, ids=lambda isa: isa.name)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A layer of signs, but for its numbers."""

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
    activation: Any = "none"


def made(spec: Spec, policy: str = "tflite-ref") -> tuple[Conv2d | Linear, Site, IntArray]:
    """Return the layer, where it stands, and stacked inputs for it."""
    rng = np.random.default_rng(spec.channels + spec.out)
    scales = tuple(rng.uniform(0.01, 0.3, spec.out).astype(np.float32).tolist())
    quant = replace(BIPOLAR, scale=scales, zero_point=(0,) * spec.out, axis=0)
    shape = (spec.out, spec.channels // spec.groups)
    if not spec.is_linear:
        shape = (spec.out, *spec.kernel, spec.channels // spec.groups)
    codes = rng.choice(np.array([-1, 1], np.int8), shape)
    weight = Weight(codes=codes, quant=quant, format=Signs())
    bias = Weight(
        codes=rng.integers(-90, 91, spec.out).astype(np.int32), quant=Quant(scale=(1.0,), bits=32)
    )
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
        inputs=(TensorType(shape=inputs, quant=BIPOLAR),),
        outputs=(TensorType(shape=op.infer(inputs)[0], quant=OUTPUT),),
        numerics=find_policy(policy),
    )
    samples = rng.choice(np.array([-1, 1], np.int8), (2, *inputs))
    samples[1] = 1
    return op, site, samples


def check(spec: Spec, isa: Isa, policy: str = "tflite-ref") -> IntArray:
    """Compare a layer with its twin, and that with products of codes; return its codes."""
    op, site, samples = made(spec, policy)
    (want,) = op.prepare(site)(samples)
    plain = Weight(codes=op.weight.codes, quant=byte(op.weight.quant))
    (dense,) = replace(op, weight=plain).prepare(site)(samples)
    np.testing.assert_array_equal(want, dense)
    found = signs.instructions(op, site, isa)
    assert found is not None
    (instruction,) = found
    got = np.stack([guarded(instruction, signs.run_signs, site, x) for x in samples])
    wrong = np.argwhere(got != want)
    assert not len(wrong), f"{len(wrong)} of {want.size} differ, the first at {wrong[0].tolist()}"
    return got


def byte(quant: Quant | None) -> Quant:
    """Return signs' encoding as one of bytes."""
    assert quant is not None
    return replace(quant, bits=8, is_bipolar=False)


TABLE: Final = {
    "pointwise": Spec(channels=64, out=70, size=(7, 7), activation="relu6"),
    "padded": Spec(channels=64, out=48, size=(9, 8), kernel=(3, 3), padding=SAME),
    "half a word": Spec(channels=17, out=33, size=(6, 9), kernel=(3, 2), padding=SAME),
    "three words": Spec(channels=96, out=130, size=(5, 5), kernel=(3, 3), padding=SAME),
    "strided": Spec(channels=40, out=20, size=(9, 10), kernel=(3, 3), stride=(2, 2),
                    padding=((0, 1), (0, 1))),
    "dilated": Spec(channels=33, out=64, size=(9, 9), kernel=(3, 3), dilation=(2, 2),
                    padding=((2, 2), (2, 1))),
    "groups": Spec(channels=60, out=15, size=(6, 7), kernel=(3, 2), padding=SAME, groups=3),
    "wide groups": Spec(channels=128, out=192, size=(5, 4), kernel=(3, 3), groups=2),
    "images": Spec(channels=32, out=20, size=(4, 5), kernel=(3, 3), padding=SAME, images=3),
    "more padding than image": Spec(channels=20, out=10, size=(2, 2), kernel=(5, 5),
                                    padding=((3, 2), (2, 3))),
    "many positions": Spec(channels=16, out=40, size=(20, 21), kernel=(2, 2), padding=SAME),
    "linear": Spec(channels=130, out=67, is_linear=True),
    "linear, rows": Spec(channels=576, out=10, is_linear=True, images=11),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_layers_are_their_twins(name: str) -> None:
    assert len(np.unique(check(TABLE[name], counting(native())))) > 1


@isas
@pytest.mark.parametrize("name", ["three words", "groups", "linear, rows"])
def test_every_instruction_set_counts(name: str, isa: Isa) -> None:
    check(TABLE[name], isa)


@pytest.mark.parametrize("policy", ["xnnpack", "ort", "tflite-ruy", "cmsis-nn"])
def test_every_policy_rounds_its_way(policy: str) -> None:
    check(TABLE["padded"], counting(native()), policy)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Return any layer of moderate size that gains by counting."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return Spec(
        channels=groups * (32 * draw(st.integers(0, 3)) + draw(st.integers(24, 32))),
        out=groups * draw(st.integers(1, 70)),
        size=pair(6, 12),
        kernel=pair(1, 3),
        stride=pair(1, 3),
        padding=(pair(0, 3), pair(0, 3)),
        dilation=pair(1, 2),
        groups=groups,
        images=draw(st.integers(1, 2)),
        activation=draw(st.sampled_from(["none", "relu", "relu6"])),
    )


@given(spec=specs())
@settings(max_examples=25)
def test_any_layer(spec: Spec) -> None:
    check(spec, counting(native()))


def test_what_gains_nothing_or_is_no_sign_is_left_to_bytes() -> None:
    isa = counting(native())
    op, site, _ = made(TABLE["padded"])
    assert signs.instructions(op, site, isa) is not None
    x = site.inputs[0]
    eight = replace(site, inputs=(replace(x, quant=Quant(scale=(0.1,))),))
    assert signs.instructions(op, eight, isa) is None
    dense = Weight(codes=op.weight.codes, quant=byte(op.weight.quant))
    assert signs.instructions(replace(op, weight=dense), site, isa) is None
    few, few_site, _ = made(Spec(channels=3, out=8, size=(5, 5), kernel=(3, 3)))
    assert signs.instructions(few, few_site, isa) is None


def test_positions_are_sorted_by_what_they_see() -> None:
    op, site, _ = made(replace(TABLE["padded"], size=(3, 4)))
    found = windows_of(op, site.inputs[0].shape) if isinstance(op, Conv2d) else None
    assert found is not None
    assert sorted(found.order) == list(range(12))
    # Corners, edges and the middle: 3 x 3 classes.
    assert np.diff(found.starts).tolist() == [1, 1, 2, 1, 1, 2, 1, 1, 2]
    seen = {place: found.inside[c] for c in range(9)
            for place in found.order[found.starts[c] : found.starts[c + 1]]}  # fmt: skip
    assert seen[0].tolist() == [[False] * 3, [False, True, True], [False, True, True]]
    assert seen[5].all()
