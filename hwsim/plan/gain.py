"""Which layers are faster when their stored weights alone are multiplied, and by which steps.

`hwsim.kernels.step_costs` has the rule of thumb. Of 926 random layers that it was not fitted to, it
named the faster way for 93 %; all together took 0.9 % more than with the better choice each time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import IS_COMPILED
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.planes import QUAD
from hwsim.kernels.micro.stored import is_multiplied, tile_of
from hwsim.kernels.step_costs import BYTE, CALL, COSTS, TILED_GAIN, cheapest_steps
from hwsim.ops.conv2d import Conv2d
from hwsim.plan.heavy import end_of
from hwsim.plan.multiplier import multiplier
from hwsim.plan.runs import Runs
from hwsim.plan.sparse import sparse

if TYPE_CHECKING:
    from hwsim.kernels.micro.isa import Isa
    from hwsim.op import Site
    from hwsim.ops.linear import Linear
    from hwsim.plan.instruction import Instruction


def instructions(
    op: Conv2d | Linear, site: Site, isa: Isa | None = None
) -> tuple[Instruction, ...] | None:
    """Return the compiled form of a layer stored sparse, None where a dense one is faster.

    Args:
        op: A linear layer, or a convolution that is not depthwise.
        site: Where it stands.
        isa: What multiplies; None for what is best here.

    Raises:
        FormatError: The pattern of zeros does not fit the weight's format.
    """
    isa = isa or native()
    if not IS_COMPILED or not is_multiplied(isa):
        return None
    what = runs_of(op, site)
    rows = best_rows(what, isa)
    if rows is None or not is_stored_sparse(op):
        return None
    end = end_of(op, site, op.rounding(site.numerics))
    found = None if end is None else sparse(what, end, isa, rows)
    return None if found is None else (found,)


def runs_of(op: Conv2d | Linear, site: Site) -> Runs:
    """Return a layer as a convolution, every tap of whose kernel is a run."""
    weights = op.weight.centred.astype(np.int64)
    if isinstance(op, Conv2d):
        return Runs(
            images=site.inputs[0].shape,
            positions=site.outputs[0].shape[:3],
            weights=weights.reshape(op.weight.shape),
            stride=op.stride,
            padding=op.padding,
            dilation=op.dilation,
            groups=op.groups,
        )
    out, features = op.weight.shape
    rows = site.inputs[0].elements // features
    return Runs(
        images=(1, 1, rows, features),
        positions=(1, 1, rows),
        weights=weights.reshape(out, 1, 1, features),
    )


def is_stored_sparse(op: Conv2d | Linear) -> bool:
    """Return whether the weight's format walks fewer values than there are.

    Raises:
        FormatError: The pattern of zeros does not fit the format.
    """
    weight = op.weight
    return int(weight.format.stored_per_row(weight.packed).sum()) < weight.codes.size


def best_rows(what: Runs, isa: Isa) -> int | None:
    """Return the rows of the blocks of the fastest steps, SCATTERED for weights of any columns.

    None where the dense layer is faster, or there are no such steps.
    """
    if what.groups > 1 or not what.weights.size or not math.prod(what.positions):
        return None
    matrix = what.weights.reshape(len(what.weights), -1)
    rows, per_tile = cheapest_steps(matrix, isa, has_quads=what.images[3] % QUAD == 0)
    costs = COSTS[isa.group]
    per_tile += costs.row * len(matrix) + costs.tile
    taken = _tiles(what, isa) * per_tile + BYTE * math.prod(what.images) + CALL
    return rows if taken < _dense_cost(what, isa) else None


def _tiles(what: Runs, isa: Isa) -> float:
    """Return how many tiles are computed: positions between the wanted ones, too."""
    images, high, wide = what.positions
    _, height, width, _ = what.weights.shape
    deep = high
    if height * width > 1:
        deep = -(-(what.images[1] + sum(what.padding[0])) // what.stride[0])
    pitch = wide + (width - 1) * what.dilation[1] // what.stride[1]
    positions = ((images - 1) * deep + high - 1) * pitch + wide
    # The last may be half as wide.
    return math.ceil(2 * positions / tile_of(isa)) / 2


def _dense_cost(what: Runs, isa: Isa) -> float:
    """Return what the dense layer takes, in multiplications of a vector of `isa`."""
    steps = what.weights.shape[1] * -(-math.prod(what.weights.shape[2:]) // isa.group)
    is_tiled = isa is native() and multiplier(what).is_tiled
    each = steps / (TILED_GAIN if is_tiled else 1) + COSTS[isa.group].vector
    return math.prod(what.positions) * -(-len(what.weights) // isa.lanes) * each
