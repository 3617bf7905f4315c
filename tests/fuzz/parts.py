"""An archive as one flat text of named parts, so that damage reaches what checksums guard."""

from __future__ import annotations

import io
import struct
import zipfile

MAGIC = b"PARTS"


def joined(parts: dict[str, bytes]) -> bytes:
    """Return the parts, one behind the other."""
    made = [MAGIC]
    for name, content in parts.items():
        told = name.encode()
        made += [struct.pack("<BI", len(told), len(content)), told, content]
    return b"".join(made)


def taken(content: bytes) -> dict[str, bytes]:
    """Return the parts of what `joined` gave, or of what damage left of it."""
    at, parts = len(MAGIC), dict[str, bytes]()
    while at + 5 <= len(content):
        told, size = struct.unpack_from("<BI", content, at)
        at += 5
        name = content[at : at + told].decode("utf-8", errors="replace").replace("\0", "0")
        parts[name] = content[at + told : at + told + size]
        at += told + size
    return parts


def zipped(content: bytes) -> bytes:
    """Return the zip archive of these parts; what are none stays as it is."""
    if not content.startswith(MAGIC):
        return content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in taken(content).items():
            archive.writestr(zipfile.ZipInfo(name or "0"), part)
    return buffer.getvalue()


def unzipped(content: bytes) -> bytes:
    """Return the parts of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return joined({name: archive.read(name) for name in archive.namelist()})
