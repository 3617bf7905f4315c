"""What is claimed of accuracies, over five seeds of training.

python -m tests.techniques.seeds

Writes docs/claims.json; `make golden` writes the table of docs/techniques.md from it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

import compressors
from compressors import Workbench
from hwsim.execute import accuracy
from tests.techniques.measure import data, file_bytes, network, student
from tests.techniques.table import DIGITS, MLP

if TYPE_CHECKING:
    from hwsim.graph import Graph

ROOT: Final = Path(__file__).parents[2]
RECORD: Final = ROOT / "docs" / "claims.json"
SEEDS: Final = 5
STUDENT: Final = "small student of digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A recipe beside what it is compared with; `{seed}` in either is the seed."""

    name: str
    network: str
    recipe: str
    beside: str


_SCHOOL: Final = "epochs=40,learning_rate=0.05,seed={seed}"
_DEEP: Final = "examples/recipes/deep_compression.yaml"
CLAIMS: Final = (
    Claim(
        name="90 % of weights removed",
        network=DIGITS,
        recipe="prune{{sparsity=0.9,scope=global}}|finetune{{epochs=20,learning_rate=0.02}}",
        beside="none",
    ),
    Claim(
        name="half of the filters removed",
        network=DIGITS,
        recipe="prune{{structure=filter,sparsity=0.5}}|finetune{{epochs=20,learning_rate=0.05}}",
        beside="none",
    ),
    Claim(name="int8", network=DIGITS, recipe="quantize", beside="none"),
    Claim(
        name="2-bit weights, trained",
        network=DIGITS,
        recipe="qat{{weights=2}}",
        beside="quantize{{weights=2,clip=mse}}",
    ),
    Claim(
        name="distilled, soft labels",
        network=STUDENT,
        recipe=f"distill{{{{{_SCHOOL}}}}}",
        beside=f"distill{{{{alpha=0,{_SCHOOL}}}}}",
    ),
    Claim(
        name="distilled, attention maps",
        network=STUDENT,
        recipe=f"distill{{{{method=attention_map,{_SCHOOL}}}}}",
        beside=f"distill{{{{alpha=0,{_SCHOOL}}}}}",
    ),
    Claim(name="Deep Compression", network=MLP, recipe=_DEEP, beside="none"),
    Claim(
        name="Deep Compression, dense one finetuned too",
        network=MLP,
        recipe=_DEEP,
        beside="finetune{{epochs=40,learning_rate=0.1}}",
    ),
    Claim(
        name="Deep Compression, best dense one found",
        network=MLP,
        recipe=_DEEP,
        beside="finetune{{epochs=20,learning_rate=0.02}}",
    ),
)


@cache
def made(name: str, recipe: str, seed: int) -> Graph:
    """Return what `recipe` makes of the network trained with `seed`."""
    teacher = network(DIGITS if name == STUDENT else name, seed)
    graph = student(seed) if name == STUDENT else teacher
    read = compressors.parse(ROOT / recipe if recipe.endswith(".yaml") else recipe)
    return read.compress(graph, Workbench(data=data()[0], teacher=teacher))


def main() -> None:
    """Measure every claim, keeping each as soon as it is there."""
    torch.set_num_threads(1)
    records: dict[str, dict[str, list[float]]] = {}
    for claim in CLAIMS:
        record: dict[str, list[float]] = {"top1": [], "beside": [], "ratio": []}
        for seed in range(SEEDS):
            graph = made(claim.network, claim.recipe.format(seed=seed), seed)
            other = made(claim.network, claim.beside.format(seed=seed), seed)
            record["top1"].append(accuracy(graph, data()[1], "tflite-ref").top1)
            record["beside"].append(accuracy(other, data()[1], "tflite-ref").top1)
            record["ratio"].append(file_bytes(other) / file_bytes(graph))
        records[claim.name] = record
        sys.stdout.write(f"{claim.name} {json.dumps(record)}\n")
        sys.stdout.flush()
    RECORD.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
