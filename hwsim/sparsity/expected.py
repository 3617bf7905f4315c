"""What to expect where nothing but the density is known: zeros that lie independently.

Exact expectations over all patterns; beside the count of the real pattern they say what its
structure costs or saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.errors import DataError
from hwsim.sparsity._distribution import binomial, expected_largest
from hwsim.sparsity.lanes import check_axis, check_width
from hwsim.sparsity.schedule import check_extents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.sparsity.lanes import Axis


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLanes:
    """Expectations of `LaneCounts`, field by field."""

    width: int
    vectors: int
    issued: float
    nonzeros: float

    @property
    def utilisation(self) -> float:
        """Expected effective lanes over expected lanes issued; 1 where nothing is issued."""
        return self.nonzeros / (self.issued * self.width) if self.issued else 1.0


def expected_lanes(
    rows: int, k: int, density: float, widths: Sequence[int], axis: Axis = "k"
) -> tuple[ExpectedLanes, ...]:
    """Return the expectation of `lanes`: a vector of w lanes is issued by 1 - (1 - density)^w.

    Args:
        rows: Output channels.
        k: Weights of each.
        density: Probability of a non-zero, 0..1.
        widths: See `lanes`.
        axis: See `lanes`.

    Raises:
        DataError: A density beyond 0..1, a negative extent, or a width below 1.
    """
    check_matrix(rows, k, density)
    check_axis(axis)
    along, beside = (k, rows) if axis == "k" else (rows, k)
    found: list[ExpectedLanes] = []
    for width in widths:
        check_width(width)
        whole, left = divmod(along, width)
        issued = whole * any_of(width, density) + (any_of(left, density) if left else 0.0)
        found.append(
            ExpectedLanes(
                width=width,
                vectors=beside * -(-along // width),
                issued=beside * issued,
                nonzeros=rows * k * density,
            )
        )
    return tuple(found)


def expected_stored(rows: int, k: int, density: float, step: int = 1) -> float:
    """Return the expected slots of all lanes: rows x E[ceil(non-zeros / step) x step].

    Args:
        rows: Output channels.
        k: Weights of each.
        density: Probability of a non-zero, 0..1.
        step: Stored weights that a lane issues at a time.

    Raises:
        DataError: See `expected_lanes`; also `step` below 1.
    """
    check_matrix(rows, k, density)
    _check_step(step)
    return rows * step * binomial(k, density).rounded_up(step).mean


def expected_makespan(rows: int, k: int, density: float, pes: int, step: int = 1) -> float:
    """Return the expected time of lanes in lockstep, which take a row each, `pes` at a time.

    The sum over groups of E[fullest of `pes` lanes], each of ceil(non-zeros / step) x step.

    Args:
        rows: Output channels.
        k: Weights of each.
        density: Probability of a non-zero, 0..1.
        pes: Lanes of a group; the last group may have fewer rows.
        step: Stored weights that a lane issues at a time.

    Raises:
        DataError: See `expected_lanes`; also `pes` or `step` below 1.
    """
    check_matrix(rows, k, density)
    check_extents("static", pes, 1, None)
    _check_step(step)
    one = binomial(k, density).rounded_up(step)
    groups, left = divmod(rows, pes)
    cycles = groups * expected_largest([(one, pes)]) if groups else 0.0
    return step * (cycles + (expected_largest([(one, left)]) if left else 0.0))


def any_of(count: int, density: float) -> float:
    """Return the probability that one of `count` lanes is not zero."""
    return 1.0 - (1.0 - density) ** count


def check_matrix(rows: int, k: int, density: float) -> None:
    """Raise unless these describe a matrix of independent zeros.

    Raises:
        DataError: They do not.
    """
    if rows < 0 or k < 0:
        raise DataError(f"expected rows and k from 0, got {rows} and {k}")
    if not 0.0 <= density <= 1.0:
        raise DataError(f"density: expected 0 to 1, got {density}")


def _check_step(step: int) -> None:
    if step < 1:
        raise DataError(f"step: expected 1 or more, got {step}")
