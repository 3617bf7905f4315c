"""Where a profile's claims come from: find them, hold them to their sources, part them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

KINDS = ("datasheet", "measured", "fitted", "assumed")
"""How a claim may be known; a source reads `kind: where or which rule`."""

SECTIONS = ("hardware", "runtime", "numerics")
"""What a profile claims something in."""

# Which integers a runtime computes is a claim as much as a number is.
_CHOICES = "numerics."


def leaves(tree: Mapping[str, object]) -> dict[str, object]:
    """Return the values of all sections under their dotted keys."""
    return {
        path: value
        for section in SECTIONS
        if section in tree
        for path, value in leaves_under(section, tree[section])
    }


def claims(tree: Mapping[str, object]) -> list[str]:
    """Return the dotted keys of what needs a source: every number, and how integers round."""
    return [path for path, value in leaves(tree).items() if is_claim(path, value)]


def is_claim(path: str, value: object) -> bool:
    """Return whether this value under this key needs a source."""
    return _is_number(value) or path.startswith(_CHOICES)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unsourced(tree: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a profile's sources, one line each; empty when all is well."""
    claimed, sources, values = claims(tree), sources_of(tree), leaves(tree)
    wrong = [
        f"{path}: this {'number' if _is_number(values[path]) else 'choice'} has no source of its "
        "own; add it under sources, as 'assumed: rule' at least"
        for path in claimed
        if not any(_covers(key, path) for key in sources)
    ]
    for key, text in sources.items():
        kind, _, rest = str(text).partition(":")
        if kind not in KINDS or not rest.strip():
            wrong.append(f"sources.{key}: expected '{'|'.join(KINDS)}: where', got {text!r}")
        if not any(_covers(key, path) for path in claimed):
            wrong.append(f"sources.{key}: there is no number under this key")
    return [" ".join(problem.split()) for problem in wrong]


def sources_of(tree: Mapping[str, object]) -> dict[str, object]:
    """Return the tree's sources; none where they are no mapping, which the schema refuses."""
    sources = tree.get("sources")
    return cast("dict[str, object]", sources) if isinstance(sources, dict) else {}


def surviving(
    sources: Mapping[str, object], claimed: Collection[str], replaced: Collection[str]
) -> dict[str, object]:
    """Return the sources of `claimed`, less what they say of the `replaced` ones among them.

    A prefix that covers both is split: `hardware` without `hardware.clock_hz` becomes
    `hardware.static_w` and whatever else stands there.
    """
    return {
        part: sources[key]
        # Longer keys say more, and win over the parts of a shorter one.
        for key in sorted(sources, key=len)
        for part in _parts(key, claimed, replaced)
    }


def _parts(key: str, claimed: Collection[str], replaced: Collection[str]) -> Iterator[str]:
    covered = [path for path in claimed if _covers(key, path)]
    if not covered and any(_covers(key, path) for path in replaced):
        return  # What it told of is no number any more: it has a name.
    if not any(path in replaced for path in covered):
        yield key
    elif not all(path in replaced for path in covered):
        inner = (path[len(key) + 1 :].partition(".")[0] for path in covered)
        for child in dict.fromkeys(inner):
            yield from _parts(f"{key}.{child}", covered, replaced)


def _covers(key: str, path: str) -> bool:
    return path == key or path.startswith(key + ".")


def covering(key: str, sources: Collection[str]) -> str | None:
    """Return the longest of `sources` that is `key` or a prefix of it; None without one.

    Names in a key may have dots of their own.
    """
    parts = key.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in sources), None)


def leaves_under(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield what lies under a dotted key; the value itself where it is no section."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from leaves_under(f"{path}.{key}", item)
    else:
        yield path, value
