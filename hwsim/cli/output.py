"""What commands write: whole files or none, and a bar where a person would wait."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hwsim.errors import InterchangeError
from hwsim.whole_file import is_special, require_place, whole_file

if TYPE_CHECKING:
    from compressors import Workbench
    from hwsim.arrays import Array
    from hwsim.graph import Graph


def write_texts(texts: dict[Path, str]) -> None:
    """Write every text to its path, each whole or not at all."""
    for path, text in texts.items():
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | str | None]) -> None:
    """Refuse what cannot be written before minutes are spent on what it should hold.

    Raises:
        InterchangeError: A folder is missing, a file is given twice, or is one that is read.
    """
    read = {Path(each).resolve() for each in inputs if each is not None}
    taken: set[Path] = set()
    for path in outputs:
        if path is None:
            continue
        require_place(path)
        if not path.parent.is_dir():
            raise InterchangeError(f"{path}: cannot write there ({path.parent} is no folder)")
        real = path.resolve()
        if real in read:
            raise InterchangeError(f"{path}: cannot write there (it is read); give another path")
        if real in taken and not is_special(path):
            raise InterchangeError(f"{path}: expected a path for each report, got it twice")
        taken.add(real)


@contextmanager
def progress(label: str, total: int) -> Generator[Callable[[str], None], None, None]:
    """Show a bar on stderr, where it is a terminal; call what is given after each of `total`."""
    with TrainingBar(label, total) as bar:
        yield bar.advance


class TrainingBar:
    """A bar on stderr, where it is a terminal; below it, how the training under way goes."""

    def __init__(self, label: str, total: int) -> None:
        """Expect `total` calls of `advance`."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._label = label
        self._task = self._bar.add_task(label, total=total)
        self._training = self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._bar.stop()

    def advance(self, description: str) -> None:
        """Take one step, which `description` names."""
        self._bar.update(self._training, visible=False)
        self._bar.update(self._task, advance=1, description=f"{self._label}: {description}")

    def expect(self, total: int) -> None:
        """Expect so many steps in all, those that are taken among them."""
        self._bar.update(self._task, total=total)

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        """See `compressors.workbench.Watcher.on_epoch`."""
        self._bar.update(
            self._training,
            visible=True,
            completed=done,
            total=total,
            description=f"  training, loss {loss:.3g}",
        )

    def step(self, spec: str, graph: Graph, bench: Workbench, make: Callable[[], Graph]) -> Graph:
        """See `compressors.workbench.Watcher.step`."""
        del spec, graph, bench
        return make()

    def keep(self, state: Mapping[str, Array]) -> None:
        """See `compressors.workbench.Watcher.keep`; a bar keeps nothing."""

    def kept(self) -> None:
        """See `compressors.workbench.Watcher.kept`."""
