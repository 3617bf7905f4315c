"""Axes of a search, such as width1 and kernel2_1, as networks of a family."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from compressors.supernet import Architecture
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

Value: TypeAlias = int | float | str | bool

Choice: TypeAlias = "Mapping[str, Value]"
"""One value of every axis of a search, those of others among them."""

_AXIS = re.compile(r"(width|depth|kernel)([1-9]\d*)(?:_([1-9]\d*))?")
_KERNEL, _DEPTH = (3,), (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elastic:
    """What may differ between networks of a family.

    Attributes:
        axes: Values of `width1` .. per stage, which all must be there; of `depth1` .., the blocks
            of a stage, 1 where it is missing; of `kernel1` .. for all blocks of a stage, or
            `kernel1_2` for one of them, 3 where both are missing.
        stages: How many there are.

    Raises:
        RecipeError: A name is unknown, a width is missing, or a value is no natural number or, of
            a kernel, even.
    """

    axes: Mapping[str, tuple[Value, ...]]
    stages: int

    def __post_init__(self) -> None:
        """Check names and values once."""
        known = ", ".join(
            f"{kind}1..{self.stages}" for kind in ("width", "depth", "kernel", "kernel1_1, ")
        ).removesuffix(f", 1..{self.stages}")
        for name, values in self.axes.items():
            match = _AXIS.fullmatch(name)
            if match is None or not self._is_known(match):
                raise RecipeError(f"supernet: no axis {name!r}; known: {known}")
            for value in values:
                is_odd = match[1] != "kernel" or (isinstance(value, int) and value % 2 == 1)
                if type(value) is not int or value < 1 or not is_odd:
                    expected = "odd numbers" if match[1] == "kernel" else "whole numbers >= 1"
                    raise RecipeError(
                        f"supernet: axis {name} expected {expected}, got {value!r}; such as 3"
                    )
        for stage in range(1, self.stages + 1):
            if f"width{stage}" not in self.axes:
                raise RecipeError(
                    f"supernet: expected an axis width{stage}, got none; add it to axes, or give "
                    f"fewer than {self.stages} strides"
                )

    @property
    def largest(self) -> Architecture:
        """The network of the largest value of every axis."""
        return self._of(lambda values: max(values))

    @property
    def smallest(self) -> Architecture:
        """The network of the smallest value of every axis."""
        return self._of(lambda values: min(values))

    def draw(self, rng: np.random.Generator) -> Architecture:
        """Return a network of values drawn evenly."""
        return self._of(lambda values: values[int(rng.integers(len(values)))])

    def architecture(self, choice: Choice) -> Architecture:
        """Return the network of a choice; axes of others are passed over."""
        chosen = {axis: int(choice[axis]) for axis in self.axes}

        def value(axis: str, other: int) -> int:
            return chosen.get(axis, other)

        stages = range(1, self.stages + 1)
        return Architecture(
            widths=tuple(value(f"width{s}", 0) for s in stages),
            kernels=tuple(
                tuple(
                    value(f"kernel{s}_{b}", value(f"kernel{s}", *_KERNEL))
                    for b in range(1, value(f"depth{s}", *_DEPTH) + 1)
                )
                for s in stages
            ),
        )

    def canonical(self, choice: Choice) -> Choice:
        """Return the choice with the first value for kernels of blocks that are left out."""
        meant = dict(choice)
        for axis, values in self.axes.items():
            _, stage, block = _parts(axis)
            if block and block > int(choice.get(f"depth{stage}", *_DEPTH)):
                meant[axis] = values[0]
        return meant

    def _is_known(self, match: re.Match[str]) -> bool:
        kind, stage, block = match[1], int(match[2]), int(match[3] or 0)
        if stage > self.stages:
            return False
        most = max(v for v in self.axes.get(f"depth{stage}", _DEPTH) if isinstance(v, int))
        return block == 0 or (kind == "kernel" and block <= most)

    def _of(self, pick: Callable[[tuple[int, ...]], int]) -> Architecture:
        return self.architecture(
            {axis: pick(tuple(int(v) for v in values)) for axis, values in self.axes.items()}
        )


def _parts(axis: str) -> tuple[str, int, int]:
    """Return kind, stage and block of an axis; block 0 where it is of the whole stage."""
    match = _AXIS.fullmatch(axis)
    if match is None:
        raise RecipeError(f"supernet: no axis {axis!r}")
    return match[1], int(match[2]), int(match[3] or 0)
