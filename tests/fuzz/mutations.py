"""Ways to damage an input; each takes bytes and a source of chance, and returns other bytes."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any, cast

AWKWARD: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 65535, 65536, 1 << 20, (1 << 31) - 1, 1 << 31,
    -(1 << 31), (1 << 32) - 1, 1 << 33, 1 << 40, (1 << 63) - 1, -(1 << 63), 1 << 64, 10**400,
    0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, float("inf"), float("nan"), "", " ", "a", "é", "\0",
    "\n", "x" * 300, "none", "1", "-1", "1e999", "nan", True, False, None, [], {}, [[]], [0],
    [-1, 1],    [1 << 40, 1 << 40], {"": 0},
)  # fmt: skip


def flipped(content: bytes, rng: Random) -> bytes:
    """Replace, insert, drop or repeat some bytes."""
    made = bytearray(content or b"\0")
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at = rng.randrange(len(made) + 1)
        size = min(rng.choice((1, 1, 2, 4, 8, 32)), len(made) - at)
        match rng.randrange(5):
            case 0 if at < len(made):
                made[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 1:
                made[at:at] = rng.randbytes(rng.choice((1, 1, 2, 4)))
            case 2 if len(made) > size:
                del made[at : at + size]
            case 3:
                made[at:at] = made[at : at + size]
            case _:
                start = rng.randrange(len(made) + 1)
                made[at : at + size] = made[start : start + size]
    return bytes(made) if rng.random() < 0.98 else bytes(made[: rng.randrange(len(made) + 1)])


def words_set(content: bytes, rng: Random) -> bytes:
    """Set aligned numbers of 1 to 8 bytes to awkward values, as binary tables hold them."""
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        code = rng.choice("bBhHiIiIqfd")
        size = struct.calcsize(code)
        if len(made) < size:
            return flipped(content, rng)
        at = rng.randrange(0, len(made) - size + 1, size)
        (value,) = struct.unpack_from(f"<{code}", made, at)
        numbers = [n for n in AWKWARD if type(n) is (float if code in "fd" else int)]
        near = value + rng.choice((-8, -4, -2, -1, 1, 2, 4, 8)) if code not in "fd" else -value
        new = rng.choice((near, rng.choice(numbers)))
        try:
            struct.pack_into(f"<{code}", made, at, new)
        except (struct.error, OverflowError):
            struct.pack_into("<B", made, at, rng.randrange(256))
    return bytes(made)


def text_damaged(content: bytes, rng: Random, words: tuple[str, ...]) -> bytes:
    """Replace or insert words of the reader's language, or awkward values, between others."""
    text = content.decode("utf-8", errors="replace")
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + rng.choice((0, 0, 1, 3, 8)))
        new = rng.choice((*words, *words, str(rng.choice(AWKWARD)), *"{}[]:|,=;-&*!\"' \n\t#"))
        text = text[:at] + new + text[end:]
    return text.encode("utf-8", errors="replace")


def tree_damaged(tree: Any, rng: Random, words: tuple[str, ...] = ()) -> Any:
    """Return `tree` (JSON) with some of its parts replaced, dropped, repeated or exchanged."""
    made = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(made))
        if not places:
            return rng.choice(AWKWARD)
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1:
                other, place = rng.choice(places)
                holder[key] = json.loads(json.dumps(other[place]))
            case 2 if type(holder) is list:
                cast("list[Any]", holder).insert(key, json.loads(json.dumps(holder[key])))
            case 3 if isinstance(holder[key], int):
                holder[key] += rng.choice((-2, -1, 1, 2, 100))
            case 4 if words:
                holder[key] = rng.choice(words)
            case _:
                holder[key] = rng.choice(AWKWARD)
    return made


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every (holder, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [tree]
    for holder in waiting:
        keys: Any = ()
        if type(holder) is dict:
            keys = cast("dict[Any, Any]", holder)
        elif type(holder) is list:
            keys = range(len(cast("list[Any]", holder)))
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found
