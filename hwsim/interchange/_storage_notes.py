"""What a file holds otherwise than it lies in memory: the same values in more bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hwsim.formats import Dense

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.formats import Format
    from hwsim.graph import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageNotes:
    """Collects, layer by layer, what changes; no value ever does.

    Attributes:
        suffix: Of the file.
        dense: Layers by the format that they have in memory and not in the file, by why, and by
            what would hold it.
        wide: Layers by the bits of a weight, in memory and in the file.
    """

    suffix: str
    dense: dict[tuple[str, str, str], set[str]] = field(
        default_factory=dict[tuple[str, str, str], set[str]], init=False
    )
    wide: dict[tuple[int, int], set[str]] = field(
        default_factory=dict[tuple[int, int], set[str]], init=False
    )

    def written_dense(
        self, node: Node, remedy: str = ".hwsim holds it", problem: str = "has no such storage"
    ) -> None:
        """Note the formats of a node's constants, none of which is in the file.

        Args:
            node: The layer.
            remedy: What would hold it.
            problem: Why the file does not.
        """
        for constant in node.op.constants:
            if not isinstance(constant.format, Dense):
                kind = (constant.format.name, problem, remedy)
                self.dense.setdefault(kind, set()).add(node.name)

    def written_wide(self, node: Node, bits: int, written_bits: int) -> None:
        """Note that a weight of `bits` takes `written_bits` there, if these differ."""
        if bits != written_bits:
            self.wide.setdefault((bits, written_bits), set()).add(node.name)

    def lines(self) -> tuple[str, ...]:
        """Return one line for each kind of change."""
        return (*self._dense_lines(), *self._wide_lines())

    def _dense_lines(self) -> Iterable[str]:
        for (name, problem, remedy), layers in self.dense.items():
            yield (
                f"{_counted(layers)} stored as {name} {_are(layers)} written dense: {self.suffix} "
                f"{problem}; {remedy}"
            )

    def _wide_lines(self) -> Iterable[str]:
        for (bits, written_bits), layers in self.wide.items():
            yield (
                f"{_counted(layers)} with weights of {bits} bit{'' if bits == 1 else 's'} "
                f"{_are(layers)} written in {written_bits} bits each: {self.suffix} has no such "
                "weights there; .hwsim holds them"
            )


def leaves_zeros_out(format_: Format) -> bool:
    """Return whether a file that stores values and their places loses nothing of `format_`.

    Tables of values that recur are more than zeros left out.
    """
    return not (format_.shares_values or isinstance(format_, Dense))


def _counted(layers: set[str]) -> str:
    return f"{len(layers)} layer{'' if len(layers) == 1 else 's'}"


def _are(layers: set[str]) -> str:
    return "is" if len(layers) == 1 else "are"
