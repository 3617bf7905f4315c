"""Read a profile's tree from YAML, lay it over what it inherits, and lay overrides over it."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from hwsim.errors import ProfileError
from hwsim.profile.sources import (
    SECTIONS,
    claims,
    is_claim,
    leaves,
    leaves_under,
    sources_of,
    surviving,
)
from hwsim.records.pricing import MEASURED_TOO
from hwsim.strict_yaml import number, read_yaml

Tree: TypeAlias = dict[str, Any]

# An heir is another device, and nobody has measured it yet.
_NEVER_INHERITED = ("name", "description", "evidence")

# Versions look like numbers, and 8.10 is not 8.1.
_TEXTS = ("runtime.version",)
# Names that a line of an error has room for.
_MOST_NEAR = 6


def known_devices() -> tuple[str, ...]:
    """Return the names of all shipped profiles, sorted."""
    folder = Path(str(files("device_profiles")))
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def find_profile(name_or_path: str) -> Path:
    """Return the file of a shipped profile, or the path as it is if it names a YAML file.

    Raises:
        ProfileError: There is none.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ProfileError(f"{name_or_path}: no such profile file")
        return path
    if name_or_path not in known_devices():
        near = _near(name_or_path)
        guess = f"did you mean {', '.join(near)}? " if near else ""
        raise ProfileError(
            f"no device profile {name_or_path!r:.200}; {guess}`hwsim devices` lists all, "
            "and the path of a .yaml file is taken too"
        )
    return Path(str(files("device_profiles"))) / f"{name_or_path}.yaml"


def _near(name: str) -> tuple[str, ...]:
    """Return the shipped profiles that hold `name`, or else those spelled alike."""
    known, asked = known_devices(), name.strip().lower().replace("-", "_")
    if not asked:
        return ()
    # Those that begin with it first.
    found = sorted((one for one in known if asked in one), key=lambda one: one.find(asked))
    return tuple(found or get_close_matches(asked, known, n=_MOST_NEAR, cutoff=0.55))[:_MOST_NEAR]


def read_tree(path: Path, heirs: tuple[Path, ...] = ()) -> Tree:
    """Return the file's tree, laid over the tree of what it inherits.

    Raises:
        ProfileError: It is no YAML mapping, or what it inherits cannot be read or inherits it.
    """
    try:
        raw = _copied(_parsed(path.read_text(encoding="utf-8")))
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
    try:
        beside = path.parent / f"{parent}.yaml"
        origin = beside if beside.is_file() else find_profile(parent)
    except (ProfileError, OSError) as error:
        # OSError: a name too long for a file.
        raise ProfileError(f"{path.name}: inherits: {error}") from error
    line = (path.resolve(), *heirs)
    if origin.resolve() in line:
        raise ProfileError(f"{path.name}: inherits: {parent!r} inherits from this profile")
    base = read_tree(origin, line)
    return _laid_over({k: v for k, v in base.items() if k not in _NEVER_INHERITED}, tree)


@lru_cache(maxsize=256)
def _parsed(text: str) -> object:
    """Return what YAML says; a profile is parsed once per process, as that takes longest."""
    return read_yaml(text)


def _copied(value: object) -> object:
    """Return `value` with sections and lists of its own."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in cast("Tree", value).items()}
    return (
        [_copied(item) for item in cast("list[object]", value)]
        if isinstance(value, list)
        else value
    )


def value_of(key: str, text: str) -> object:
    """Return the value that the text of an override means: 480e6 is a number, a version no number.

    Raises:
        ProfileError: It cannot be read as YAML.
    """
    if key in _TEXTS:
        return text
    try:
        return number(read_yaml(text))
    except (yaml.YAMLError, ValueError) as error:
        raise ProfileError(f"{key}={text!r}: the value cannot be read as YAML") from error


def overridden(tree: Tree, key: str, value: object) -> Tree:
    """Return the tree with `value` under the dotted `key`.

    What was fitted or measured no longer describes the device that this makes: the evidence goes,
    and the source says that the number was overridden. Cycles are counted at any clock, and
    versions and cores are part of what was measured: there the evidence stays.

    Raises:
        ProfileError: The key lies in no section that there is, or is one itself.
    """
    *parents, leaf = _steps(tree, key)
    if not parents and key not in SECTIONS:
        raise ProfileError(
            f"there is no such key {key!r} to override; one starts with {', '.join(SECTIONS)}"
        )
    section, within = tree, list(SECTIONS)
    for step in parents:
        inner: object = section.get(step) if step in within else None
        if not isinstance(inner, dict):
            raise ProfileError(
                f"no key {key!r} to override: {step!r} is not among the sections "
                f"{', '.join(within) or '(none here)'}"
            )
        section = cast("Tree", inner)
        within = [name for name, item in section.items() if isinstance(item, dict)]
    if isinstance(section.get(leaf), dict):
        inside = ", ".join(cast("Tree", section[leaf]))
        raise ProfileError(f"{key!r} is a section; override one of {inside} in it")
    over: Tree = {leaf: value}
    for step in reversed(parents):
        over = {step: over}
    claimed = [path for path, own in leaves_under(key, value) if is_claim(path, own)]
    if claimed:
        over["sources"] = dict.fromkeys(claimed, "assumed: overridden")
    kept = tree if key in MEASURED_TOO else {k: v for k, v in tree.items() if k != "evidence"}
    return _laid_over(kept, over)


def _steps(tree: Tree, key: str) -> list[str]:
    """Return the names along a dotted key; those of the tree may have dots, as 2.16 has."""
    steps, section, rest = list[str](), tree, key
    while True:
        inside = [name for name in section if f"{rest}.".startswith(f"{name}.")]
        step = max(inside, key=len, default=rest.partition(".")[0])
        steps.append(step)
        if step == rest:
            return steps
        inner: object = section.get(step)
        section = cast("Tree", inner if isinstance(inner, dict) else {})
        rest = rest[len(step) + 1 :]


def _laid_over(base: Tree, over: Tree) -> Tree:
    """Return `base` with the leaves of `over`; a source covers none that came from elsewhere."""
    tree = _merged(base, over)
    if isinstance(tree.get("sources"), dict):
        kept = surviving(sources_of(base), claims(tree), leaves(over))
        tree["sources"] = kept | sources_of(over)
    return tree


def _merged(base: Tree, over: Tree) -> Tree:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(cast("Tree", old), cast("Tree", value)) if both else value
    return result


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
