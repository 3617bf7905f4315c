"""A matrix made by hand: one device for each thing that a cell may say."""

from __future__ import annotations

from typing import Final

from hwsim.records import Accuracy, Ladder, Matrix, Rung

HOSTILE: Final = "<script>alert('x')</script>|\x1b[31m"
STRUCTURES: Final = ("unstructured", "2:4", "filter, rounded")
DENSE_S: Final = {"walker_sim": 1e-3, "board_tflm": 2e-2, HOSTILE: 5e-1}
_RIGHT: Final = Accuracy(top1=0.9, n=100)


def ladder(
    device: str,
    structure: str,
    speedups: tuple[float, ...],
    *,
    crossover: float | None = None,
    format_: str = "dense",
    executed_as: str = "native",
    is_calibrated: bool = False,
    top1: tuple[float, ...] | None = None,
) -> Ladder:
    """Return a ladder over 50 % and 90 %, or of the one rung of 2:4."""
    sparsities = (0.5,) if len(speedups) == 1 else (0.5, 0.9)
    rungs = tuple(
        Rung(
            sparsity=sparsity,
            macs_left=1 - sparsity,
            speedup=speedup,
            flash_bytes=int(10_000 * (1 - sparsity)),
            accuracy=None if top1 is None else Accuracy(top1=top1[i], n=100),
            format=format_,
        )
        for i, (sparsity, speedup) in enumerate(zip(sparsities, speedups, strict=True))
    )
    equal = [r for r in rungs if r.accuracy is not None and r.accuracy.top1 >= 0.89]
    return Ladder(
        structure=structure,
        format=format_,
        device=device,
        rungs=rungs,
        executed_as=executed_as,
        crossover=crossover,
        is_calibrated=is_calibrated,
        round_to=8 if "rounded" in structure else 1,
        at_equal_accuracy=max(equal, key=lambda rung: rung.speedup, default=None),
    )


def matrix() -> Matrix:
    """Return cells of every kind; one device refuses the model, one has a hostile name."""
    fallback = "dense_fallback"
    ladders = (
        ladder("walker_sim", "unstructured", (0.8, 3.0), crossover=0.625, format_="csr"),
        ladder("walker_sim", "2:4", (0.7,), format_="2:4", top1=(0.9,)),
        ladder("walker_sim", "filter, rounded", (2.0, 20.0), crossover=0.0, top1=(0.9, 0.2)),
        ladder("board_tflm", "unstructured", (1.0, 1.0), executed_as=fallback, is_calibrated=True),
        ladder("board_tflm", "2:4", (1.02,), format_="2:4"),
        ladder("board_tflm", "filter, rounded", (1.5, 4.0), crossover=0.0, is_calibrated=True),
        ladder(HOSTILE, "unstructured", (1.0, 1.0), executed_as=fallback),
        Ladder(structure="2:4", format="", device=HOSTILE, rungs=(), refusal="no room <b>"),
        ladder(HOSTILE, "filter, rounded", (1.5, 4.0), crossover=0.0),
        *(
            Ladder(structure=s, format="", device="tpu_sim", rungs=(), refusal="no f32 on tpu_sim")
            for s in STRUCTURES
        ),
    )
    return Matrix(
        model="digits",
        base_recipe="quantize",
        devices=("walker_sim", "board_tflm", HOSTILE, "tpu_sim"),
        structures=STRUCTURES,
        ladders=ladders,
        dense_latency_s=DENSE_S,
        dense_accuracy=_RIGHT,
        tolerance=0.01,
        version="0.0",
        dense_accuracy_on=dict.fromkeys(DENSE_S, _RIGHT),
        device_classes={
            "walker_sim": "accelerator",
            "board_tflm": "mcu",
            HOSTILE: "mcu",
            "tpu_sim": "npu",
        },
        overrides=("hardware.clock_hz=1e6",),
    )
