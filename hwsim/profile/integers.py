"""What a profile says about the integers of its runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from hwsim.numerics import find_rounding
from hwsim.numerics.accumulator import NARROWEST, WIDEST, Accumulator, Overflow
from hwsim.numerics.policy import (
    AddFormula,
    ElementaryFormula,
    Numerics,
    QuantizeFormula,
    SoftmaxFormula,
    find_policy,
)
from hwsim.profile.section import Section

ROUNDED = ("conv", "depthwise", "grouped", "linear", "matmul", "mul")
"""Keys of `NumericsChoice` that name a rounding."""

_REGISTER = ("accumulator_bits", "accumulator_overflow", "saturates_pairs")


class NumericsChoice(Section):
    """The integer arithmetic of the runtime: a policy, and what this runtime does otherwise.

    Attributes:
        policy: One of `hwsim.numerics.POLICIES`.
        accumulator_bits: Width of the register that products of 8-bit codes are summed in.
        accumulator_overflow: What becomes of a sum that is wider; see `Accumulator.overflow`.
        saturates_pairs: See `Accumulator.saturates_pairs`.
        conv: Rounding of convolutions, depthwise and grouped ones too unless those are given; one
            of `hwsim.numerics.ROUNDINGS`, as all roundings here.
        depthwise: Rounding of depthwise convolutions.
        grouped: Rounding of other convolutions in groups.
        linear: Rounding of fully connected layers.
        matmul: Rounding of products of two activations.
        mul: Rounding of elementwise products.
        add: See `Numerics.add`, as of the next ones.
        quantize: How reals become codes.
        softmax: Which formula.
        elementary: How logistic and tanh are computed.
    """

    policy: str
    accumulator_bits: Annotated[int, Field(ge=NARROWEST, le=WIDEST)]
    accumulator_overflow: Overflow = "wrap"
    saturates_pairs: bool = False
    conv: str | None = None
    depthwise: str | None = None
    grouped: str | None = None
    linear: str | None = None
    matmul: str | None = None
    mul: str | None = None
    add: AddFormula | None = None
    quantize: QuantizeFormula | None = None
    softmax: SoftmaxFormula | None = None
    elementary: ElementaryFormula | None = None

    @property
    def accumulator(self) -> Accumulator:
        """The register."""
        return Accumulator(
            bits=self.accumulator_bits,
            overflow=self.accumulator_overflow,
            saturates_pairs=self.saturates_pairs,
        )

    def resolve(self) -> Numerics:
        """Return the arithmetic, named by the policy and what is otherwise.

        Raises:
            UnsupportedError: There is no such policy or rounding; the message lists the known ones.
        """
        policy, changed = find_policy(self.policy), self._changed()
        fields: dict[str, Any] = {
            key: find_rounding(str(value)) if key in ROUNDED else value
            for key, value in changed.items()
            if key not in _REGISTER
        }
        if "conv" in fields:
            fields = {"depthwise": None, "grouped": None, **fields}
        texts = ",".join(f"{key}={value}" for key, value in changed.items())
        name = f"{policy.name}{{{texts}}}" if texts else policy.name
        return replace(policy, name=name, accumulator=self.accumulator, **fields)

    def _changed(self) -> dict[str, object]:
        """Return what is otherwise than in the policy's own words, by key."""
        plain = NumericsChoice(policy=self.policy, accumulator_bits=Accumulator().bits)
        return {
            key: value for key, value in self.model_dump().items() if value != getattr(plain, key)
        }
