"""Run the recipe of every technique on three networks of digits, and write what came of it.

python -m tests.techniques.measure [--only TEXT]

Updates docs/techniques.json; `make golden` writes docs/techniques.md from it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

import compressors
import hwsim
from compressors import Workbench
from compressors.journal import effective_macs
from examples import digits, networks
from hwsim.errors import HwsimError
from hwsim.execute import accuracy, run
from hwsim.peers import find_peer
from tests.techniques.table import DIGITS, NETWORKS, TECHNIQUES

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from tests.techniques.table import Technique

ROOT: Final = Path(__file__).parents[2]
RECORD: Final = ROOT / "docs" / "techniques.json"
SEED: Final = 0
# Images that other runtimes compute too; accuracies are of all.
_COMPARED: Final = 64
_RUNTIMES: Final = {"litert-ref": "tflite-ref", "onnxruntime": "ort"}


class Small(nn.Module):
    """The student: two convolutions, 4 and 8 channels, and a head; logits [n, 10]."""

    def __init__(self) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv = nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, digits.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [n, 10] of images [n, 1, 8, 8]."""
        x = torch.relu(self.norm1(self.stem(x)))
        x = torch.relu(self.norm2(self.conv(x)))
        return self.head(x.mean(dim=(2, 3)))


@cache
def network(name: str, seed: int = SEED) -> Graph:
    """Return a trained network as a float graph."""
    if name == DIGITS:
        return hwsim.load((digits.train(seed), digits.example_inputs()))
    return hwsim.load(networks.NETWORKS[name](seed))


def student(seed: int = SEED) -> Graph:
    """Return the small network, untrained."""
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
        return hwsim.load((Small().eval(), digits.example_inputs()))


@cache
def data() -> tuple[hwsim.Data, hwsim.Data]:
    """Return what recipes train on, and what judges them."""
    (x_train, y_train), (x, y) = digits.digits()
    return (
        hwsim.Data(x=x_train, y=y_train, name="digits to train"),
        hwsim.Data(x=x, y=y, name="digits to test"),
    )


def measured(technique: Technique, name: str) -> dict[str, Any]:
    """Return the record of one technique on one network."""
    spec = technique.recipe
    train, test = data()
    teacher = network(name)
    graph = student() if technique.student else teacher
    before = None if technique.student else _figures(graph, test)
    start_s = time.perf_counter()
    record: dict[str, Any] = {"recipe": spec, "before": before}
    path = ROOT / spec
    try:
        recipe = compressors.parse(path if path.is_file() else spec)
        made = recipe.compress(graph, Workbench(data=train, teacher=teacher))
    except HwsimError as error:
        return {**record, "refused": str(error)}
    record["seconds"] = round(time.perf_counter() - start_s, 1)
    record["after"] = _figures(made, test)
    record["runtimes"] = {
        runtime: _agreement(made, test.x[:_COMPARED], runtime, policy)
        for runtime, policy in _RUNTIMES.items()
    }
    return record


def _figures(graph: Graph, test: hwsim.Data) -> dict[str, float | int]:
    return {
        "constants_bytes": graph.storage_bytes,
        "file_bytes": file_bytes(graph),
        "macs_effective": sum(effective_macs(graph, node) for node in graph.nodes),
        "top1": accuracy(graph, test, "tflite-ref").top1,
    }


def file_bytes(graph: Graph) -> int:
    """Return how long the .hwsim file of `graph` is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.hwsim"
        hwsim.save(graph, path)
        return path.stat().st_size


def _agreement(graph: Graph, x: np.ndarray[Any, Any], runtime: str, policy: str) -> str:
    """Return `exact`, or how much of the first output differs, or why it cannot be said."""
    quant = graph.tensors[graph.inputs[0]].quant
    if quant is None:
        return "reals"
    peer = find_peer(runtime)
    assert peer is not None
    codes = quant.encode(x).reshape(-1, *graph.tensors[graph.inputs[0]].shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{peer.suffix}"
        try:
            hwsim.save(graph, path)
            theirs = peer.run(path, codes, graph.outputs)[graph.outputs[0]]
            ours = run(graph, codes, policy)
        except HwsimError as error:
            return f"refused: {error}"
    off = int(np.count_nonzero(ours.reshape(theirs.shape) != theirs))
    return "exact" if off == 0 else f"{off} of {theirs.size} differ"


def main() -> None:
    """Measure what is asked for, keeping each record as soon as it is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", default="", help="techniques whose name holds this text")
    parser.add_argument("--missing", action="store_true", help="those not measured yet")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    records: dict[str, dict[str, Any]] = {}
    if RECORD.is_file():
        records = json.loads(RECORD.read_text(encoding="utf-8"))
    for technique in TECHNIQUES:
        if arguments.only not in technique.name:
            continue
        for name in NETWORKS:
            known = records.get(technique.name, {}).get(name, {}).get("recipe")
            is_known = known == technique.recipe
            if name not in technique.networks or (arguments.missing and is_known):
                continue
            record = measured(technique, name)
            records.setdefault(technique.name, {})[name] = record
            sys.stdout.write(f"{technique.name} {name} {json.dumps(record)}\n")
            sys.stdout.flush()
            RECORD.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
