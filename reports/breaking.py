"""Names in HTML that may break where people would break them."""

from __future__ import annotations

import re

from markupsafe import Markup


def breakable(name: str) -> Markup:
    """Return `name` escaped, with chances to break behind its underscores."""
    return Markup("<wbr>").join(part for part in re.findall(r"[^_]*_|[^_]+", name))
