"""What convolutions and linear layers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hwsim.op import Op

if TYPE_CHECKING:
    from dataclasses import Field

    from hwsim.ops._activation import Fused
    from hwsim.tensor import Weight


class Layer(Op, Protocol):
    """An op of one operand that multiplies a constant weight, adds a bias, and clamps."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def weight(self) -> Weight:
        """Output channels first."""
        ...

    @property
    def bias(self) -> Weight | None:
        """[out], or None."""
        ...

    @property
    def activation(self) -> Fused:
        """Clamp fused into the output."""
        ...
