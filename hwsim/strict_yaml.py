"""Read YAML that means what it says: no key twice, no aliases, no code, and of moderate size."""

from __future__ import annotations

from typing import Any, cast

import yaml
from yaml.composer import Composer

from hwsim.limits import YAML_BYTES, YAML_DEPTH, YAML_INTEGER, YAML_NODES


def read_yaml(text: str) -> object:
    """Return what `text` holds.

    Raises:
        YAMLError: It is no YAML, gives a key twice, uses an alias, or exceeds `hwsim.limits`.
        ValueError: A scalar is malformed, such as the date 2020-99-99.
    """
    return load_yaml(text, _Loader)


def load_yaml(text: str, loader: type[yaml.SafeLoader | yaml.BaseLoader]) -> object:
    """Return what `text` holds, as a `Moderate` loader reads it.

    Raises:
        YAMLError: It is no YAML, or too large; or what the loader raises.
    """
    if len(text) > YAML_BYTES:
        raise yaml.YAMLError(f"expected at most {YAML_BYTES} characters, got {len(text)}")
    try:
        return yaml.load(text, loader)
    except (RecursionError, TypeError, AttributeError, KeyError) as error:
        # Parsers without a limit, keys that are lists, and tags that do not fit what they stand at.
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from error


class Moderate(Composer):
    """Of a loader: refuses aliases, which make trees without end, and whatever is too much."""

    _depth = 0
    _count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See `yaml.composer.Composer.compose_node`."""
        events: Any = self
        line = events.peek_event().start_mark.line + 1
        if events.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias (*name), line {line}; write the value out")
        self._count += 1
        self._depth += 1
        if self._depth > YAML_DEPTH or self._count > YAML_NODES:
            raise yaml.YAMLError(
                f"expected at most {YAML_DEPTH} values within each other and {YAML_NODES} in all, "
                f"got more, line {line}"
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Loader(Moderate, yaml.SafeLoader):
    """SafeLoader that refuses a key given twice in one mapping, and numbers beyond 64 bits."""


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [key.value if isinstance(key.value, str) else id(key) for key, _ in node.value]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise yaml.YAMLError(f"key {repeated!r} stands twice, line {node.start_mark.line + 1}")
    return cast("dict[str, Any]", loader.construct_mapping(node, deep=True))


def _moderate_integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > YAML_INTEGER.bit_length():
        raise yaml.YAMLError(f"a whole number of {len(node.value)} digits")
    number = loader.construct_yaml_int(node)
    if abs(number) > YAML_INTEGER:
        raise yaml.YAMLError(f"expected whole numbers of at most {YAML_INTEGER}, got {number}")
    return number


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _moderate_integer)


def number(value: object) -> object:
    """Return a number where text means one: YAML reads 480e6 as text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
