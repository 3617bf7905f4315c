"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.errors import InterchangeError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def whole_file(path: Path) -> Generator[Path, None, None]:
    """Give a temporary path beside `path` that replaces it when the block ends well.

    A link stays, and what it leads to is replaced; a device or a pipe is written to as it is.

    Raises:
        InterchangeError: Nothing can be written there.
    """
    require_place(path)
    if is_special(path):
        with tempfile.TemporaryDirectory(prefix="hwsim.") as folder:
            part = Path(folder) / path.name
            yield part
            _pour(part, path)
        return
    path = path.resolve() if path.is_symlink() else path
    # Named before it is made: what is interrupted at any moment is taken away again.
    part = path.parent / f".hwsim.{secrets.token_hex(8)}{path.suffix}"
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield part
        _settle(part)
        os.replace(part, path)
    except OSError as error:
        # Libraries raise it with words of their own, and no others.
        told = error.strerror or " ".join(str(error).split())
        raise InterchangeError(f"{path}: cannot write there ({told})") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _settle(part: Path) -> None:
    """Wait until the disk has the file: a name must not be there before what it names."""
    # Writers may replace the part by another file, which is private.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(part, 0o666 & ~umask)
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_place(path: Path) -> None:
    """Raise InterchangeError where `path` is a folder, or nothing can be called so."""
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise InterchangeError(f"{path}: cannot write there ({error.strerror})") from error
    if is_folder:
        raise InterchangeError(f"{path}: cannot write there (it is a folder)")


def _pour(part: Path, path: Path) -> None:
    try:
        path.write_bytes(part.read_bytes())
    except OSError as error:
        raise InterchangeError(f"{path}: cannot write there ({error.strerror})") from error


def is_special(path: Path) -> bool:
    """Return whether `path` is a device or a pipe: what is written to, and never replaced."""
    return path.exists() and not path.is_file()
