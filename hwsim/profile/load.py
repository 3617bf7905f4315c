"""Find a profile, lay it over what it inherits, apply overrides, and check everything once."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from reprlib import repr as short_repr
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import yaml
from pydantic import ValidationError

from hwsim.errors import ProfileError
from hwsim.profile.schema import DeviceProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

Tree: TypeAlias = dict[str, Any]


def known_devices() -> tuple[str, ...]:
    """Return the names of all shipped profiles, sorted."""
    folder = Path(str(files("device_profiles")))
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def device(name: str, **overrides: object) -> DeviceProfile:
    """Return a profile by name or path, with dotted overrides.

    `hwsim.device("stm32l4r5_tflm", **{"hardware.clock_hz": 80e6})`

    Raises:
        ProfileError: No such profile, a malformed one, or an override of a key it has not.
    """
    return load_profile(name, overrides)


def load_profile(name_or_path: str, overrides: Mapping[str, object] | None = None) -> DeviceProfile:
    """See `device`.

    Raises:
        ProfileError: See `device`.
    """
    tree = _read(_find(name_or_path), ())
    label = str(tree.get("name", name_or_path))
    for key, value in (overrides or {}).items():
        _override(label, tree, key, value)
    try:
        return DeviceProfile.model_validate(tree)
    except ValidationError as error:
        raise ProfileError(f"{label}: {_first_problem(tree, error)}") from error


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ProfileError(f"{name_or_path}: no such profile file")
        return path
    shipped = Path(str(files("device_profiles"))) / f"{name_or_path}.yaml"
    if name_or_path not in known_devices():
        raise ProfileError(
            f"no device profile {name_or_path!r}; known: {', '.join(known_devices())}, "
            "or the path of a .yaml file"
        )
    return shipped


def _read(path: Path, heirs: tuple[Path, ...]) -> Tree:
    """Return the file's tree, laid over the tree of what it inherits."""
    try:
        raw: object = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
        # ValueError: bytes that are no UTF-8, and dates such as 2020-99-99.
        problem = " ".join(str(error).split())
        raise ProfileError(f"{path.name}: not readable as YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise ProfileError(f"{path.name}: expected a mapping of keys, got {type(raw).__name__}")
    tree = cast("Tree", raw)
    _require_text_keys(path.name, tree)
    parent = tree.pop("inherits", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise ProfileError(f"{path.name}: inherits: expected a profile's name, got {parent!r}")
    beside = path.parent / f"{parent}.yaml"
    try:
        origin = beside if beside.is_file() else _find(parent)
    except ProfileError as error:
        raise ProfileError(f"{path.name}: inherits: {error}") from error
    line = (path.resolve(), *heirs)
    if origin.resolve() in line:
        raise ProfileError(f"{path.name}: inherits: {parent!r} inherits from this profile")
    return _merged(_read(origin, line), tree)


def _merged(base: Tree, over: Tree) -> Tree:
    """Return `base` with the leaves of `over`; evidence is never inherited."""
    result = {key: value for key, value in base.items() if key != "evidence"}
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(cast("Tree", old), cast("Tree", value)) if both else value
    return result


def _override(label: str, tree: Tree, key: str, value: object) -> None:
    *parents, leaf = key.split(".")
    section = tree
    for step in parents:
        inner: object = section.get(step)
        if not isinstance(inner, dict):
            known = ", ".join(name for name, item in section.items() if isinstance(item, dict))
            raise ProfileError(
                f"{label}: no key {key!r} to override: {step!r} is not among the sections "
                f"{known or '(none here)'}"
            )
        section = cast("Tree", inner)
    old: object = section.get(leaf)
    if isinstance(old, dict):
        inside = ", ".join(cast("Tree", old))
        raise ProfileError(f"{label}: {key!r} is a section; override one of {inside} in it")
    # A key that the profile leaves at its default is added; the schema refuses any other.
    section[leaf] = value
    # What was fitted or measured no longer describes the device that this makes.
    tree.pop("evidence", None)


def _require_text_keys(where: str, value: object) -> None:
    if not isinstance(value, dict):
        return
    for key, item in cast("dict[object, object]", value).items():
        if not isinstance(key, str):
            raise ProfileError(
                f"{where}: a key was read as {key!r} ({type(key).__name__}), expected text; "
                'write it in quotes, as "2:4" or "on"'
            )
        _require_text_keys(f"{where}: {key}", item)


def _first_problem(tree: Tree, error: ValidationError) -> str:
    """Return the first problem as `key: expected ..., got value (type)`."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    got = problem["input"]
    if problem["type"] == "extra_forbidden":
        beside = ", ".join(_siblings(tree, problem["loc"])) or "nothing"
        return f"{key}: there is no such key in the schema; beside it stand: {beside}"
    if problem["type"] == "missing":
        return f"{key}: this key is required"
    hint = ""
    if isinstance(got, str) and problem["type"] in ("float_type", "int_type"):
        hint = "; YAML reads 480e6 as text, write 480.0e+6"
    return f"{key}: {problem['msg']}, got {short_repr(got)} ({type(got).__name__}){hint}"


def _siblings(tree: Tree, location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that stand beside the last one of `location`."""
    *parents, leaf = location
    section = tree
    for step in parents:
        inner: object = section.get(str(step))
        if not isinstance(inner, dict):
            return []
        section = cast("Tree", inner)
    return [key for key in section if key != leaf]


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice in one mapping, and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See `yaml.composer.Composer.compose_node`; an alias could make a tree without end."""
        if self.check_event(yaml.AliasEvent):
            line = self.line + 1
            raise yaml.YAMLError(f"an alias (*name), line {line}; write the value out")
        return super().compose_node(parent, index)


def _unique_mapping(loader: _Loader, node: yaml.MappingNode) -> Tree:
    keys = [key.value for key, _ in node.value]
    repeated = {str(key) for key in keys if keys.count(key) > 1}
    if repeated:
        raise yaml.YAMLError(
            f"key {repeated.pop()!r} stands twice, line {node.start_mark.line + 1}"
        )
    return cast("Tree", loader.construct_mapping(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
