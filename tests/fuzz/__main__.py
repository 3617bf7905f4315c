"""`python -m tests.fuzz NAME --runs N`: fuzz one reader, guided by coverage where atheris is."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

# Interpreted kernels raise where compiled ones would read beyond an array.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))
# Longer inputs only cost time.
_LONGEST_INPUT = 1 << 16
_TOLD_EVERY = 1000


def main() -> None:
    """Read the arguments and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--runs", type=int, default=10_000, help="inputs in all")
    parser.add_argument("--seconds", type=int, default=0, help="stop earlier after so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="without coverage")
    given = parser.parse_args()
    has_atheris = importlib.util.find_spec("atheris") is not None
    folder = ROOT / "build" / "fuzz" / given.name
    (folder / "findings").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hwsim-fuzz.", dir=_memory()) as inputs:
        if has_atheris and not given.blind:
            _guided(given, folder, Path(inputs))
        else:
            _blind(given, folder, Path(inputs))


def _memory() -> str | None:
    """Return a folder in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _blind(given: argparse.Namespace, folder: Path, inputs: Path) -> None:
    from tests.fuzz.session import Session
    from tests.fuzz.target import little_memory

    target = importlib.import_module(f"tests.fuzz.fuzz_{given.name}").TARGET
    session = Session(target, folder / "findings", inputs)
    with little_memory():
        session.blind(target.inputs(), given.runs, given.seed)
    (folder / "summary.json").write_text(session.told() + "\n")
    print(session.told())  # noqa: T201


def _guided(given: argparse.Namespace, folder: Path, inputs: Path) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["hwsim", "compressors"]):
        target = importlib.import_module(f"tests.fuzz.fuzz_{given.name}").TARGET
        from tests.fuzz.session import Session
        from tests.fuzz.target import little_memory

        corpus = folder / "corpus"
        corpus.mkdir(exist_ok=True)
        for i, content in enumerate(target.inputs()):
            (corpus / f"seed-{i}").write_bytes(content)
    session = Session(target, folder / "findings", inputs)

    def one(content: bytes) -> None:
        session.one(content)
        if session.count % _TOLD_EVERY == 0 or session.count >= given.runs:
            (folder / "summary.json").write_text(session.told() + "\n")

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.4:
            return atheris.Mutate(content, most)
        try:
            return target.mutate(content, rng)[:most]
        except Exception:
            return atheris.Mutate(content, most)

    limits = [f"-runs={given.runs}", f"-max_len={_LONGEST_INPUT}", "-rss_limit_mb=8192"]
    limits += [f"-max_total_time={given.seconds}"] if given.seconds else []
    arguments = [sys.argv[0], str(corpus), *limits, f"-seed={given.seed}", "-timeout=60"]
    atheris.Setup([*arguments, "-print_final_stats=1"], one, custom_mutator=mutate)
    with little_memory():
        atheris.Fuzz()


if __name__ == "__main__":
    main()
