"""Fully connected layers: convolutions of one tap, a position per row of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import IS_COMPILED
from hwsim.plan.convolution import convolution, run_convolution
from hwsim.plan.heavy import end_of
from hwsim.plan.multiplier import multiplier
from hwsim.plan.opcodes import LINEAR
from hwsim.plan.runs import Runs

if TYPE_CHECKING:
    from hwsim.kernels.micro.isa import Isa
    from hwsim.op import Site
    from hwsim.ops.linear import Linear
    from hwsim.plan.instruction import Instruction

run_linear = run_convolution


def instructions(op: Linear, site: Site, isa: Isa | None = None) -> tuple[Instruction, ...] | None:
    """Return the compiled form of a fully connected layer at `site`, None where it has none.

    Args:
        op: The layer.
        site: Where it stands.
        isa: What multiplies; None for what is best here.
    """
    end = end_of(op, site, op.rounding(site.numerics))
    if end is None or not IS_COMPILED:
        return None
    out, features = op.weight.shape
    rows = site.inputs[0].elements // features
    what = Runs(
        images=(1, 1, rows, features),
        positions=(1, 1, rows),
        weights=op.weight.centred.astype(np.int64).reshape(out, 1, 1, features),
    )
    return convolution(what, end, isa or multiplier(what), LINEAR)
