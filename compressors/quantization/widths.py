"""Which layer gets how many bits: settings of single layers, and of the first and the last."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.graph import Graph, Node


Widths: TypeAlias = tuple[tuple[str, int], ...]
"""(shell pattern of node names, bits): the first that matches counts."""


def read_widths(text: str, fewest: int = 2) -> Widths:
    """Return (pattern, bits) of `conv1=4;fc*=2`.

    Args:
        text: As recipes spell it.
        fewest: Bits.

    Raises:
        ValueError: The text is of another shape, or a width is none of fewest..16.
    """
    pairs: list[tuple[str, int]] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        pattern, _, bits = (piece.strip() for piece in part.partition("="))
        if not pattern or not bits.isdecimal() or not fewest <= int(bits) <= 16:
            raise ValueError(
                f"expected NODE=BITS;NODE=BITS of {fewest}..16 bits, such as conv1=4;fc*=2, got "
                f"{part!r}"
            )
        pairs.append((pattern, int(bits)))
    return tuple(pairs)


def widths_of(names: Iterable[str], pairs: Widths, where: str) -> dict[str, int]:
    """Return the bits of each name that a pattern matches, the first such one.

    Args:
        names: Of nodes.
        pairs: Patterns and bits.
        where: Graph and setting, for messages.

    Raises:
        RecipeError: A pattern matches none.
    """
    known = tuple(names)
    for pattern, _ in pairs:
        require_match(known, pattern, where)
    found: dict[str, int] = {}
    for name in known:
        bits = next((bits for pattern, bits in pairs if fnmatchcase(name, pattern)), None)
        if bits is not None:
            found[name] = bits
    return found


def matching(names: Iterable[str], patterns: str, where: str) -> tuple[str, ...]:
    """Return the names that one of the shell patterns `a;b*` matches.

    Raises:
        RecipeError: A pattern matches none.
    """
    known = tuple(names)
    wanted = [pattern.strip() for pattern in patterns.split(";") if pattern.strip()]
    for pattern in wanted:
        require_match(known, pattern, where)
    return tuple(n for n in known if any(fnmatchcase(n, pattern) for pattern in wanted))


def require_match(names: tuple[str, ...], pattern: str, where: str) -> None:
    """Refuse a pattern that matches none of `names`.

    Raises:
        RecipeError: It does not.
    """
    if not any(fnmatchcase(name, pattern) for name in names):
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise RecipeError(f"{where}: expected names of nodes, got {pattern!r}; known: {shown}")


def weighted(graph: Graph) -> tuple[Node, ...]:
    """Return the nodes that multiply constant weights, in the order in which they run."""
    return tuple(node for node in graph.nodes if node.op.weight is not None)


def ends(graph: Graph) -> tuple[Node, ...]:
    """Return the first and the last node that multiply weights."""
    nodes = weighted(graph)
    return nodes[:1] + nodes[-1:] if len(nodes) > 1 else nodes
