"""Arm's compiler for its NPUs, run as a command: what its estimator says of a .tflite file."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from hwsim.graph import Graph
from hwsim.interchange import save
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.tensor import Weight

SYSTEM: Final = "Ethos_U55_High_End_Embedded"
OPTIONS: Final = ("--config", "Arm/vela.ini", "--system-config", SYSTEM, "--memory-mode")
MODE: Final = "Shared_Sram"
CLOCK_HZ: Final = 500e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What Vela estimates for one inference.

    Attributes:
        cycles: Of everything; each op takes the longest of computing and its memories.
        ram_bytes: SRAM used, buffers for weights on their way included.
        flash_bytes: Off-chip flash used.
        on_cpu: Ops that it leaves to the processor, which its cycles leave out.
    """

    cycles: float
    ram_bytes: float
    flash_bytes: float
    on_cpu: int


def command() -> str | None:
    """Return the path of the `vela` command, beside this Python first; None where there is none."""
    beside = Path(sys.executable).parent / "vela"
    return str(beside) if beside.is_file() else shutil.which("vela")


def installed() -> str:
    """Return the version of the package; empty where it is in another environment, or nowhere."""
    try:
        return version("ethos-u-vela")
    except PackageNotFoundError:
        return ""


def report(path: Path, macs: int, folder: Path) -> Report:
    """Return what Vela says of a model on an Ethos-U55 of `macs` MACs per cycle."""
    vela = command()
    assert vela is not None
    unit = ("--accelerator-config", f"ethos-u55-{macs}", "--verbose-performance")
    subprocess.run(
        [vela, *unit, *OPTIONS, MODE, "--output-dir", str(folder), str(path)],
        check=True,
        capture_output=True,
    )
    (total,) = _rows(folder / f"{path.stem}_summary_{SYSTEM}.csv")
    layers = _rows(folder / f"{path.stem}_per-layer.csv")
    return Report(
        cycles=float(total["cycles_total"]),
        ram_bytes=float(total["sram_memory_used"]) * 1024,
        flash_bytes=float(total["off_chip_flash_memory_used"]) * 1024,
        on_cpu=sum(layer["Target"] != "NPU" for layer in layers),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(graph: Graph, path: Path) -> Path:
    """Write a network with scales that a .tflite file can hold: no cycle depends on them."""
    tensors = {
        name: replace(type_, quant=_scaled(type_.quant, 2**-4))
        for name, type_ in graph.tensors.items()
    }
    for node in graph.nodes:
        if node.op.kind == "softmax" or getattr(node.op, "function", "") == "logistic":
            # The only encoding that TFLite takes for them.
            quant = Quant(scale=(2**-8,), zero_point=(-128,))
            tensors[node.outputs[0]] = replace(tensors[node.outputs[0]], quant=quant)
    ops = {node.name: _with_scales(node.op) for node in graph.nodes}
    save(replace(graph, tensors=tensors).with_ops(ops), str(path))
    return path


def _with_scales(op: Op) -> Op:
    if not is_dataclass(op):
        return op
    constants: dict[str, Any] = {}
    for field in fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Weight):
            # A bias has the product of both scales.
            scale = 2**-11 if value.bits == 32 else 2**-7 if value is op.weight else 2**-4
            constants[field.name] = replace(value, quant=_scaled(value.quant, scale))
    return replace(op, **constants)


def _scaled(quant: Quant | None, scale: float) -> Quant | None:
    return None if quant is None else replace(quant, scale=(scale,) * len(quant.scale))
