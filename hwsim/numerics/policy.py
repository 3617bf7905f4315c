"""Which runtime rounds how: one policy names a rounding per op."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwsim.errors import UnsupportedError
from hwsim.numerics.rounding import Float32Even, Float64Away, Gemmlowp, Rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """The integer arithmetic of one runtime.

    Attributes:
        name: As the command line spells it.
        conv: Rounding of convolutions, depthwise ones included.
        linear: Rounding of fully connected layers.
        matmul: Rounding of products of two activations.
        mul: Rounding of elementwise products.
        add: `shift20` (both inputs shifted left 20 and rescaled with gemmlowp: TFLite) or
            `fixed20` (multipliers of 20 bits, one rounding shift: XNNPACK).
        quantize: How reals, bounds of fused activations too, and codes of another encoding become
            codes; see `Quantize` and `clamped_target`.
        softmax: `fixed` (gemmlowp's exponential: TFLite's reference) or `table` (float32 powers
            from a table of 256: LiteRT's optimized kernels, to which XNNPACK leaves softmax).
        dynamic: How inputs of layers with integer weights but real activations are quantized.
    """

    name: str
    conv: Rounding
    linear: Rounding
    matmul: Rounding
    mul: Rounding
    add: Literal["shift20", "fixed20"]
    quantize: Literal["tflite", "xnnpack"]
    softmax: Literal["fixed", "table"]
    dynamic: Literal["tflite", "xnnpack"]


_GEMMLOWP, _EVEN, _AWAY = Gemmlowp(), Float32Even(), Float64Away()

POLICIES: tuple[Numerics, ...] = (
    Numerics(
        name="tflite-ref",
        conv=_GEMMLOWP,
        linear=_AWAY,
        matmul=_GEMMLOWP,
        mul=_GEMMLOWP,
        add="shift20",
        quantize="tflite",
        softmax="fixed",
        dynamic="tflite",
    ),
    Numerics(
        name="tflm",
        conv=_GEMMLOWP,
        linear=_GEMMLOWP,
        matmul=_GEMMLOWP,
        mul=_GEMMLOWP,
        add="shift20",
        quantize="tflite",
        softmax="fixed",
        dynamic="tflite",
    ),
    Numerics(
        name="xnnpack",
        conv=_EVEN,
        linear=_EVEN,
        matmul=_EVEN,
        mul=_EVEN,
        add="fixed20",
        quantize="xnnpack",
        softmax="table",
        dynamic="xnnpack",
    ),
)


def find_policy(name: str) -> Numerics:
    """Return the policy of that name.

    Raises:
        UnsupportedError: There is none.
    """
    for policy in POLICIES:
        if policy.name == name:
            return policy
    known = ", ".join(policy.name for policy in POLICIES)
    raise UnsupportedError(f"no numerics policy {name!r}; known: {known}")
