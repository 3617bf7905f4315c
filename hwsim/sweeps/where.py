"""Where: conditions on points, in a small language that computes nothing else.

Comparisons, `and`, `or`, `not`, + - * / and parentheses, over numbers, texts, the names of axes,
`model`, `recipe`, `device` and `seed`. Python's own parser reads it; nothing is ever run by Python.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from hwsim.errors import RecipeError

Names: TypeAlias = Mapping[str, object]
Condition: TypeAlias = Callable[[Names], bool]
"""What each name stands for, to whether the point is wanted."""

_Value: TypeAlias = Callable[[Names], object]

_MOST_CHARACTERS = 1000
_MOST_PARTS = 200
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SUMS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_QUOTED = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_GRAMMAR = "comparisons, and, or, not, + - * / and ( ) over numbers, 'texts' and names"


def condition(text: str, names: Collection[str]) -> Condition:
    """Return the condition that `text` says.

    Args:
        text: Such as `scale.clock * 2 <= 4` or `sparsity > 0.5 or bits == 4`.
        names: That it may use.

    Raises:
        RecipeError: It is no such text; the message shows the part.
    """
    if len(text) > _MOST_CHARACTERS:
        raise RecipeError(
            f"where: expected at most {_MOST_CHARACTERS} characters, got {len(text)}; "
            "write several conditions"
        )
    spelled, meant = _as_identifiers(text, names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(spelled.strip(), mode="eval").body
        parts = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = str(error).partition(" (<")[0]
        raise RecipeError(f"where: {text!r:.80}: expected {_GRAMMAR} ({problem})") from None
    if parts > _MOST_PARTS:
        raise RecipeError(
            f"where: expected at most {_MOST_PARTS} parts, got {parts} in {text!r:.80}"
        )
    reader = _Reader(text, spelled.strip(), meant)
    try:
        return _as_condition(reader.read(tree), text)
    except RecursionError:
        raise RecipeError(f"where: {text!r}: nested too deeply") from None


def _as_identifiers(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return `text` with dotted names written as identifiers, and what each of these means.

    Keys such as `hardware.mac_pj.8x8` are no names to Python's parser.
    """
    meant = {name: name for name in names if "." not in name}
    dotted = sorted((name for name in names if "." in name), key=len, reverse=True)
    if not dotted:
        return text, meant
    aliases = {name: f"_dotted_{place}_" for place, name in enumerate(dotted)}
    either = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, dotted)) + r")(?![\w.])")
    parts = _QUOTED.split(text)
    # Every other part is a quoted text, which stays.
    parts[::2] = [either.sub(lambda match: aliases[match[1]], part) for part in parts[::2]]
    return "".join(parts), meant | {alias: name for name, alias in aliases.items()}


def _as_condition(value: _Value, text: str) -> Condition:
    def holds(names: Names) -> bool:
        try:
            return _truth(value(names), text)
        except (TypeError, ArithmeticError, ValueError) as error:
            raise RecipeError(f"where: {text!r}: {error}") from None

    return holds


def _truth(value: object, part: str) -> bool:
    if not isinstance(value, bool):
        raise RecipeError(f"where: {part!r}: expected something true or false, got {value!r:.60}")
    return value


def _shown(part: str, value: object) -> str:
    told = f"{value!r:.60}"
    return told if part == told else f"{part} = {told}"


class _Reader:
    """Makes functions of the parts of one condition."""

    def __init__(self, text: str, spelled: str, meant: Mapping[str, str]) -> None:
        """Read `spelled`, which stands for `text`; `meant` has the names it may use."""
        self._text, self._spelled, self._meant = text, spelled, meant

    def read(self, node: ast.expr) -> _Value:
        """Return the function of one part.

        Raises:
            RecipeError: The language has no such part.
        """
        match node:
            case ast.Constant(value=bool() | int() | float() | str() as constant):
                return lambda _: constant
            case ast.Name(id=name):
                return self._named(node, name)
            case ast.BoolOp(op=op, values=values):
                return self._joined(node, isinstance(op, ast.And), [self.read(v) for v in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner, part = self.read(operand), self._part(operand)
                return lambda names: not _truth(inner(names), part)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._number(operand)
                return lambda names: 0 - inner(names)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._number(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SUMS:
                a, b, apply = self._number(left), self._number(right), _SUMS[type(op)]
                return lambda names: apply(a(names), b(names))
            case ast.Compare():
                return self._compared(node)
            case _:
                raise RecipeError(
                    f"where: {self._text!r:.80}: expected {_GRAMMAR}, got {self._part(node)!r}"
                )

    def _named(self, node: ast.expr, name: str) -> _Value:
        if name not in self._meant:
            known = ", ".join(self._meant.values())
            raise RecipeError(
                f"where: {self._text!r:.80}: nothing is called {self._part(node)!r}; known: {known}"
            )
        meant = self._meant[name]
        return lambda names: names[meant]

    def _number(self, node: ast.expr) -> Callable[[Names], float]:
        inner, part = self.read(node), self._part(node)

        def value(names: Names) -> float:
            found = inner(names)
            if isinstance(found, bool) or not isinstance(found, (int, float)):
                raise TypeError(f"expected a number to calculate with, got {part} = {found!r:.60}")
            return found

        return value

    def _joined(self, node: ast.BoolOp, is_and: bool, values: list[_Value]) -> _Value:
        parts = [self._part(value) for value in node.values]
        pairs = list(zip(values, parts, strict=True))
        if is_and:
            return lambda names: all(_truth(value(names), part) for value, part in pairs)
        return lambda names: any(_truth(value(names), part) for value, part in pairs)

    def _compared(self, node: ast.Compare) -> _Value:
        """Return the chain `a < b <= c`, which holds where all of its links do."""
        for op in node.ops:
            if type(op) not in _COMPARISONS:
                raise RecipeError(
                    f"where: {self._text!r:.80}: expected == != < <= > >=, got {self._part(node)!r}"
                )
        sides = (node.left, *node.comparators)
        values = [(self.read(side), self._part(side)) for side in sides]
        links = [
            (_COMPARISONS[type(op)], a, b)
            for op, a, b in zip(node.ops, values, values[1:], strict=False)
        ]

        def holds(names: Names) -> bool:
            for link, (a, left), (b, right) in links:
                one, other = a(names), b(names)
                try:
                    is_so = bool(link(one, other))
                except TypeError:
                    raise RecipeError(
                        f"where: {self._text!r:.80}: expected two numbers or two texts to compare, "
                        f"got {_shown(left, one)} and {_shown(right, other)}"
                    ) from None
                if not is_so:
                    return False
            return True

        return holds

    def _part(self, node: ast.expr) -> str:
        part = ast.get_source_segment(self._spelled, node) or self._text
        for alias, name in self._meant.items():
            if alias != name:
                part = part.replace(alias, name)
        return part
