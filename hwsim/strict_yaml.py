"""Read YAML that means what it says: no key twice, no aliases."""

from __future__ import annotations

from typing import Any, cast

import yaml


def read_yaml(text: str) -> object:
    """Return what `text` holds.

    Raises:
        YAMLError: It is no YAML, gives a key twice, or uses an alias.
        ValueError: A scalar is malformed, such as the date 2020-99-99.
        RecursionError: It is nested too deeply.
    """
    return yaml.load(text, _Loader)


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice in one mapping, and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See `yaml.composer.Composer.compose_node`; an alias could make a tree without end."""
        if self.check_event(yaml.AliasEvent):
            line = self.line + 1
            raise yaml.YAMLError(f"an alias (*name), line {line}; write the value out")
        return super().compose_node(parent, index)


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [key.value for key, _ in node.value]
    repeated = {str(key) for key in keys if keys.count(key) > 1}
    if repeated:
        raise yaml.YAMLError(
            f"key {repeated.pop()!r} stands twice, line {node.start_mark.line + 1}"
        )
    return cast("dict[str, Any]", loader.construct_mapping(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def number(value: object) -> object:
    """Return a number where text means one: YAML reads 480e6 as text."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
