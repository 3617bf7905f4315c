"""What is fuzzed, and what may come of it: an answer or one line, soon, in little memory."""

from __future__ import annotations

import gc
import resource
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NoReturn

from hwsim.errors import HwsimError

LONGEST_S = 5.0
MOST_BYTES = 1 << 30


def none() -> Iterator[bytes]:
    """Give nothing."""
    yield from ()


def same(content: bytes) -> bytes:
    """Return what is given."""
    return content


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        name: As `python -m tests.fuzz` takes it.
        suffix: Of the file that it reads.
        seeds: Gives valid inputs, most of them made by our own writers.
        read: Reads the file; may raise HwsimError alone.
        mutate: Damages an input so that more than its outermost layer is reached.
        dressed: Makes the file of an input: checksums and compression, which no damage survives.
        words: Texts that mean something to the reader.
        odd: Gives inputs that the reader refuses as they are, which reach what valid ones do not.
    """

    name: str
    suffix: str
    seeds: Callable[[], Iterator[bytes]]
    read: Callable[[Path], object]
    mutate: Callable[[bytes, Random], bytes]
    dressed: Callable[[bytes], bytes] = same
    words: tuple[str, ...] = ()
    odd: Callable[[], Iterator[bytes]] = none

    def inputs(self) -> list[bytes]:
        """Return what a fuzzer begins from: the seeds, then the odd inputs."""
        return [*self.seeds(), *self.odd()]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that an input made a reader break.

    Attributes:
        kind: `crash`, `hang`, `memory`, `message`.
        where: File, line and function that the trouble came from: alike ones are one finding.
        problem: In words.
    """

    kind: str
    where: str
    problem: str


class _HungError(BaseException):
    """No reader catches it."""


def attempt(target: Target, content: bytes, folder: Path) -> Finding | None:
    """Return which rule the reader breaks on `content`, written into `folder`; None for none."""
    path = folder / f"input{target.suffix}"
    path.write_bytes(target.dressed(content))
    before, start = peak_bytes(), time.perf_counter()
    try:
        with _interrupted():
            target.read(path)
    except HwsimError as error:
        found = _of_message(error)
    except _HungError as error:
        found = Finding(kind="hang", where=_place(error), problem=f"> {LONGEST_S:g} s")
    except MemoryError as error:
        found = Finding(kind="memory", where=_place(error), problem=str(error)[:200])
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:200]
        found = Finding(kind="crash", where=_place(error), problem=problem)
    else:
        found = None
    if found is None and time.perf_counter() - start > LONGEST_S:
        found = Finding(kind="hang", where="machine code", problem=f"> {LONGEST_S:g} s")
    if found is None and peak_bytes() - before > MOST_BYTES:
        found = Finding(kind="memory", where="peak", problem=f"{peak_bytes() - before} bytes")
    return found


def peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def little_memory() -> Generator[None]:
    """Refuse this process more than twice `MOST_BYTES` beyond what it has mapped now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2 * MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        gc.collect()


@contextmanager
def _interrupted() -> Generator[None]:
    def stop(*_: object) -> NoReturn:
        raise _HungError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _of_message(error: HwsimError) -> Finding | None:
    """Look behind a message: it is one short line, and hides neither of two ailments."""
    text = str(error)
    if "\n" in text or len(text) > 4000 or not text.isprintable():
        return Finding(kind="message", where=_place(error), problem=repr(text[:200]))
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return Finding(kind="memory", where=_place(cause), problem=str(cause)[:200])
        files = [frame.filename for frame in traceback.extract_tb(cause.__traceback__)]
        if isinstance(cause, IndexError) and files and "/hwsim/kernels/" in files[-1]:
            # Interpreted it raises; compiled it reads and writes beyond an array.
            return Finding(kind="crash", where=_place(cause), problem="index beyond an array")
        cause = cause.__cause__ or cause.__context__
    return None


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/tests/fuzz/" not in f.filename] or frames
    last = [
        f"{Path(f.filename).name}:{f.lineno} {f.name}"
        for f in own
        if "hwsim" in f.filename or "compressors" in f.filename
    ]
    return " < ".join([*last[-2:], f"{Path(own[-1].filename).name}:{own[-1].lineno}"])
