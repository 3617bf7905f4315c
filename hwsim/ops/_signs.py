"""Which ops may make signs: those that take them of numbers, and those that move them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.errors import UnsupportedError
from hwsim.ops.concat import Concat
from hwsim.ops.constant import Constant
from hwsim.ops.pool2d import MaxPool2d
from hwsim.ops.quantize import Quantize
from hwsim.ops.reshape import Reshape
from hwsim.ops.slice import Slice
from hwsim.ops.tile import Tile
from hwsim.ops.transpose import Transpose

if TYPE_CHECKING:
    from hwsim.op import Op, Site

_MOVES: Final = (Concat, Constant, MaxPool2d, Reshape, Slice, Tile, Transpose)


def require_signs(op: Op, site: Site) -> None:
    """Refuse bipolar results of ops that make other numbers than signs.

    Sums and averages do, and so does padding, whose 0 no sign means. The largest of a window of
    signs is one of them, unless a clamp makes it 0.

    Raises:
        UnsupportedError: `op` makes bipolar results that need not be signs.
    """
    made = site.outputs[0].quant
    if made is None or not made.is_bipolar or isinstance(op, Quantize):
        return
    if not isinstance(op, _MOVES):
        raise UnsupportedError(
            f"{site.name}: {op.kind} makes no signs, got output bipolar; let it make 8 bits, and "
            "quantize their signs"
        )
    if any(type_.quant != made for type_ in site.inputs):
        given = ", ".join(dict.fromkeys(type_.dtype for type_ in site.inputs))
        raise UnsupportedError(
            f"{site.name}: {op.kind} moves signs of one scale, got {given} to make bipolar; "
            "quantize makes signs of other codes"
        )
    if isinstance(op, MaxPool2d) and op.activation != "none":
        raise UnsupportedError(
            f"{site.name}: {op.kind} of signs cannot end in {op.activation}, which makes 0 of -1; "
            "leave the clamp out"
        )
