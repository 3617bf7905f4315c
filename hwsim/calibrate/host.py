"""What this host says of itself."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

_PROCESSORS = Path("/proc/cpuinfo")
_UNKNOWN_BYTES = 8 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A processor and its memory.

    Attributes:
        processor: Model, family and stepping, as the system names them.
        memory_bytes: Size of main memory.
    """

    processor: str
    memory_bytes: int


def this_host() -> Host:
    """Return what this host is."""
    return Host(processor=_processor(), memory_bytes=_memory_bytes())


def _processor() -> str:
    try:
        text = _PROCESSORS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine() or "unknown processor"
    return described(text) or platform.machine()


def described(text: str) -> str:
    """Return the model of the first processor of /proc/cpuinfo; empty where it names none."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    if "model name" not in fields:
        return ""
    parts = [f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields]
    return f"{fields['model name']} ({', '.join(parts)})" if parts else fields["model name"]


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN_BYTES
