"""What a scheme of weights must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant


class Scheme(Protocol):
    """Which reals integer weights may mean, and which of them a real weight becomes.

    A scheme works on matrices [out, rest] in float64 (`Weight.matrix`, or a batch of reals of that
    shape), knows no graph and keeps no state:

        quant = scheme.quant(real)           # scales from the weights themselves
        codes = scheme.codes(real, quant)    # whole codes in quant.low..quant.high
        real_q = quant.decode(codes)         # what the layer multiplies

    `quant` and `codes` are apart so that others may choose either: scales that are learned (LSQ),
    searched or widened for a bias go into `codes` by `replace(quant, scale=...)`; codes that are
    chosen by error (GPTQ, AdaRound) come from `levels`. Training wraps the three lines in a
    straight-through estimator. Zeros stay exactly zero in every scheme whose `levels` hold 0.
    """

    name: ClassVar[str]
    """As recipes spell it."""
    storage: ClassVar[str]
    """Name of the storage format of weights that have no other; "" for dense."""

    @property
    def bits(self) -> int:
        """Width of the integers that are multiplied; at most 16."""
        ...

    @property
    def power_of_two_scales(self) -> bool:
        """Whether every scale is a power of two, and stays one where it is widened."""
        ...

    def quant(self, real: FloatArray) -> Quant:
        """Return the encoding that these weights ask for; every scale is a float32 value > 0.

        Args:
            real: [out, rest].
        """
        ...

    def levels(self) -> IntArray:
        """Return all codes less their zero point that this scheme may choose, ascending int64.

        With zero points these are the codes themselves.
        """
        ...

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """Return the codes [out, rest] of `real`, in the type of `quant`.

        Args:
            real: [out, rest].
            quant: From `quant`, or of other scales.
        """
        ...
