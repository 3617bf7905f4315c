"""Damage to YAML files: to their trees, and to their text."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import yaml

from tests.fuzz.mutations import flipped, text_damaged, tree_damaged

WORDS = ("&a", "*a", "<<", "!!python/object/apply:os.system", "!!set", "---", "480e6", "010", "on",
         "2020-99-99", "0x1F", "1_0", "~", "? a", "- ", "|", ">", "%YAML 9.9", "{a: {a: {a: 1}}}",
         "!!binary", "!!timestamp", "=", ".inf", "0o8", "12:30:45", "[" * 40)  # fmt: skip


def damage(words: tuple[str, ...]) -> Callable[[bytes, Random], bytes]:
    """Return the mutation of a YAML file in which `words` mean something."""

    def mutate(content: bytes, rng: Random) -> bytes:
        kind = rng.random()
        if kind < 0.1:
            return flipped(content, rng)
        if kind < 0.4:
            return text_damaged(content, rng, (*words, *WORDS))
        try:
            tree = yaml.safe_load(content)
            return yaml.safe_dump(tree_damaged(tree, rng, words), sort_keys=False).encode()
        except Exception:
            return text_damaged(content, rng, (*words, *WORDS))

    return mutate
