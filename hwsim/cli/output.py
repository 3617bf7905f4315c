"""What commands write: whole files or none, and a bar where a person would wait."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from hwsim.errors import InterchangeError


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


def write_texts(texts: dict[Path, str]) -> None:
    """Write every text to its path, each whole or not at all."""
    for path, text in texts.items():
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")


@contextmanager
def progress(label: str, total: int) -> Generator[Callable[[str], None], None, None]:
    """Show a bar on stderr, where it is a terminal; call what is given after each of `total`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(label, total=total)

        def advance(description: str) -> None:
            bar.update(task, advance=1, description=f"{label}: {description}")

        yield advance
