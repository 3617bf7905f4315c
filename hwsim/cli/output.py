"""What commands write: whole files or none, and a bar where a person would wait."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from hwsim.whole_file import whole_file


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
