"""Compare thousands of models of one op with the runtimes: python -m tests.oracle.sweep.

The suite takes a few dozen models per op; this takes as many as asked for, and says how many values
differ per policy, op and type.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import hwsim
from hwsim.arrays import Array
from hwsim.errors import HwsimError
from tests.oracle import litert, more_ops, single_ops, tflm
from tests.oracle.single_ops import Case, Draw

ORACLES: Final[dict[str, Callable[[bytes, Array], Array]]] = {
    **{
        policy: lambda content, x, policy=policy: litert.outputs(content, x, policy)
        for policy in litert.RESOLVERS
    },
    "tflm": tflm.outputs,
}
CASES: Final = {make.__name__: make for make in (*single_ops.CASES, *more_ops.CASES)}


@dataclass(kw_only=True)
class Score:
    """What one op under one policy came to.

    Attributes:
        models: Compared.
        refused: Those that the runtime or hwsim has no kernel for.
        values: Compared.
        differing: Values that differ.
        seeds: Models with a value that differs.
    """

    models: int = 0
    refused: int = 0
    values: int = 0
    differing: int = 0
    seeds: list[int]


def score(
    make: Callable[[Draw], Case], policy: str, seeds: range, folder: Path, *, is_unsigned: bool
) -> Score:
    """Return how models of `seeds` fare."""
    found, path = Score(seeds=[]), folder / "case.tflite"
    for seed in seeds:
        case = make(Draw(seed, is_unsigned=is_unsigned))
        path.write_bytes(case.content)
        try:
            want = ORACLES[policy](case.content, case.x)
            got = hwsim.run(hwsim.load(path), case.x, numerics=policy)
        except (RuntimeError, ValueError, tflm.LackingError, HwsimError):
            found.refused += 1
            continue
        differing = int((got.reshape(want.shape) != want).sum())
        found.models += 1
        found.values += want.size
        found.differing += differing
        found.seeds += [seed] if differing else []
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write a line per policy, op and type; return 1 if anything differs, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.oracle.sweep")
    parser.add_argument("--count", type=int, default=100, help="models per policy, op and type")
    parser.add_argument("--first", type=int, default=0, help="seed of the first model")
    parser.add_argument("--policies", nargs="+", choices=ORACLES, default=list(ORACLES))
    parser.add_argument("--ops", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--types", nargs="+", choices=("int8", "uint8"), default=["int8", "uint8"])
    asked = parser.parse_args(arguments)
    seeds, total = range(asked.first, asked.first + asked.count), 0
    with tempfile.TemporaryDirectory() as folder:
        for policy in asked.policies:
            for op in asked.ops:
                for dtype in asked.types:
                    found = score(
                        CASES[op], policy, seeds, Path(folder), is_unsigned=dtype == "uint8"
                    )
                    total += found.differing
                    sys.stdout.write(
                        f"{policy:<11}{op:<20}{dtype:<6}{found.models:>6} models"
                        f"{found.refused:>6} refused{found.values:>13,} values"
                        f"{found.differing:>7} differ {found.seeds[:5] or ''}\n"
                    )
                    sys.stdout.flush()
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
