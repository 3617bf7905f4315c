"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
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
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".hwsim.", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise InterchangeError(f"{path}: cannot write there ({error.strerror})") from error
    try:
        yield Path(part)
        # mkstemp makes private files; give this one the mode that open() would have given.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)
        os.replace(part, path)
    except OSError as error:
        # Libraries raise it with words of their own, and no others.
        told = error.strerror or " ".join(str(error).split())
        raise InterchangeError(f"{path}: cannot write there ({told})") from error
    finally:
        Path(part).unlink(missing_ok=True)


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
