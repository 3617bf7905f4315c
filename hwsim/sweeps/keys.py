"""Keys: a name for everything that a point's figures depend on."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from hwsim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping


def key_of(parts: Mapping[str, object]) -> str:
    """Return the key of a point: the SHA-256 of `parts` and of this version of hwsim.

    Args:
        parts: What its figures depend on, by name; texts, numbers, lists and mappings of them.
    """
    text = json.dumps({**parts, "hwsim": __version__}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
