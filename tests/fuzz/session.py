"""Feed inputs to a reader, count them, and keep those that break a rule."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from random import Random

from tests.fuzz.target import Finding, Target, attempt


class Session:
    """One run of a fuzzer."""

    def __init__(self, target: Target, folder: Path, inputs: Path) -> None:
        """Keep findings in `folder`; write each input into the folder `inputs`."""
        self._target = target
        self._folder = folder
        self._inputs = inputs
        self._start = time.perf_counter()
        self.count = 0
        self.findings: dict[tuple[str, str], Finding] = {}

    def one(self, content: bytes) -> None:
        """Try one input."""
        self.count += 1
        found = attempt(self._target, content, self._inputs)
        if found is not None and (found.kind, found.where) not in self.findings:
            self.findings[found.kind, found.where] = found
            name = hashlib.sha256(f"{found.kind}{found.where}".encode()).hexdigest()[:12]
            (self._folder / f"{found.kind}-{name}").write_bytes(content)
            told = f"{found.kind}: {found.where}: {found.problem}\n"
            (self._folder / f"{found.kind}-{name}.txt").write_text(told)
            print(f"\n{self._target.name}: {told}", end="", flush=True)  # noqa: T201

    def blind(self, seeds: list[bytes], runs: int, seed: int) -> None:
        """Try each seed, and `runs` inputs in all, mutated without regard to coverage."""
        rng = Random(seed)
        for content in seeds[:runs]:
            self.one(content)
        while self.count < runs:
            content = rng.choice(seeds)
            for _ in range(rng.choice((1, 1, 1, 2))):
                content = self._target.mutate(content, rng)
            self.one(content)

    def told(self) -> str:
        """Return the count, the pace and the findings as a line of JSON."""
        elapsed_s = time.perf_counter() - self._start
        tree = {
            "name": self._target.name,
            "inputs": self.count,
            "seconds": round(elapsed_s, 1),
            "per_second": round(self.count / elapsed_s, 1),
            "findings": [f"{f.kind}: {f.where}: {f.problem}" for f in self.findings.values()],
        }
        return json.dumps(tree)
