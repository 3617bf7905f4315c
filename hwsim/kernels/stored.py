"""What a sparse matrix stores, as steps of four products; see `kernels.micro.stored`.

This is the way in for whoever multiplies sparse weights: `scattered` or `blocks` make the steps,
`hwsim.kernels.fast_product` runs them on codes [p, k], `hwsim.plan.sparse` on images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.planes import QUAD
from hwsim.kernels.micro.stored import SCATTERED

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Steps:
    """Steps of `micro.stored.stored_rows`, section by section of the columns.

    Attributes:
        rows: In a group, SCATTERED for one row whose steps take any columns.
        groups: Of rows; the last may reach beyond the matrix.
        offsets: int32, QUAD per step or one.
        weights: int8, QUAD per step and row of the group.
        starts: int32 [sections, groups + 1]: the first step of every group, and the end.
    """

    rows: int
    groups: int
    offsets: Array
    weights: Array
    starts: Array

    @property
    def count(self) -> int:
        """How many steps there are."""
        return int(self.starts[-1, -1])

    @property
    def height(self) -> int:
        """Rows of a group."""
        return max(1, self.rows)


def scattered(weights: IntArray, offsets: IntArray, sections: IntArray) -> Steps:
    """Return steps of the values of `weights` that are not zero, whatever their columns.

    Every row's last step of a section is filled up with weights of 0.

    Args:
        weights: int8 [rows, columns].
        offsets: Of every column's plane.
        sections: Of every column: 0, 1, ...; one section's planes are read for all rows first.
    """
    rows = len(weights)
    parts = int(sections.max()) + 1
    column_order = np.argsort(sections, kind="stable")
    at_row, at = np.nonzero(weights[:, column_order])
    columns = column_order[at]
    group = sections[columns] * rows + at_row
    order = np.argsort(group, kind="stable")
    columns, group = columns[order], group[order]
    counts = np.bincount(group, minlength=parts * rows)
    steps = -(-counts // QUAD)
    starts = np.concatenate(([0], np.cumsum(steps)))
    before = np.concatenate(([0], np.cumsum(counts)))[:-1]
    places = starts[group] * QUAD + np.arange(len(group)) - before[group]
    spread = np.full(starts[-1] * QUAD, offsets[0], np.int32)
    spread[places] = offsets[columns]
    values = np.zeros(starts[-1] * QUAD, np.int8)
    values[places] = weights[group % rows, columns]
    return Steps(
        rows=SCATTERED, groups=rows, offsets=spread, weights=values, starts=_split(starts, parts)
    )


def blocks(weights: IntArray, offsets: IntArray, sections: IntArray, rows: int) -> Steps:
    """Return steps of blocks of `rows` x QUAD values that are not all zero.

    Args:
        weights: int8 [rows, columns], columns a multiple of QUAD.
        offsets: Of every quad of columns.
        sections: Of every quad, as for `scattered`.
        rows: Of a block.
    """
    groups = -(-len(weights) // rows)
    filled = np.pad(weights, ((0, groups * rows - len(weights)), (0, 0)))
    tiles = filled.reshape(groups, rows, -1, QUAD).transpose(0, 2, 1, 3)
    parts = int(sections.max()) + 1
    quad_order = np.argsort(sections, kind="stable")
    at_group, at = np.nonzero((tiles[:, quad_order] != 0).any(axis=(2, 3)))
    quads = quad_order[at]
    key = sections[quads] * groups + at_group
    order = np.argsort(key, kind="stable")
    quads, key = quads[order], key[order]
    starts = np.concatenate(([0], np.cumsum(np.bincount(key, minlength=parts * groups))))
    return Steps(
        rows=rows,
        groups=groups,
        offsets=offsets[quads].astype(np.int32),
        weights=np.ascontiguousarray(tiles[key % groups, quads], np.int8).reshape(-1),
        starts=_split(starts, parts),
    )


def _split(starts: IntArray, sections: int) -> Array:
    """Return the starts of every section's groups, each with the start of what comes next."""
    groups = (len(starts) - 1) // sections
    own = np.arange(sections)[:, None] * groups + np.arange(groups + 1)
    return starts[own].astype(np.int32)
