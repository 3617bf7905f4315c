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

    Raises:
        InterchangeError: Nothing can be written there.
    """
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
        raise InterchangeError(f"{path}: cannot write there ({error.strerror})") from error
    finally:
        Path(part).unlink(missing_ok=True)
