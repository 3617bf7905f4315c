"""How fast layers stored sparse are, beside the same layers stored dense, and beside SciPy's CSR.

Times are taken in one run, on one core, in turns. The dense layer is the plan's own for the same
weights, without AMX, and its bytes are compared with those of every format first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import scipy.sparse  # pyright: ignore[reportMissingTypeStubs]

from hwsim.arrays import Array
from hwsim.formats import Csr, Dense
from hwsim.formats.find import find_format
from hwsim.kernels.micro.isa import native
from hwsim.numerics import Quant, find_policy
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear
from hwsim.plan import convolution, gain, linear
from hwsim.plan.heavy import end_of
from hwsim.plan.instruction import Instruction
from hwsim.plan.sparse import run_sparse, sparse
from hwsim.tensor import TensorType, Weight
from tests.bench.layers import placed

SPARSITIES: Final = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
FORMATS: Final = ("csr", "bsr1x4", "bsr4x4")
# Output channels x products per output x positions.
SHAPES: Final[dict[str, tuple[tuple[int, int], int, int, int]]] = {
    "64 x 576 x 1024": ((32, 32), 64, 64, 3),
    "256 x 1152 x 196": ((14, 14), 128, 256, 3),
    "256 x 256 x 196": ((14, 14), 256, 256, 1),
    "512 x 4608 x 49": ((7, 7), 512, 512, 3),
}
X: Final = Quant(scale=(0.05,), zero_point=(3,))
Y: Final = Quant(scale=(0.25,), zero_point=(-20,))
W: Final = Quant(scale=(0.01,))
# Rounds are short and interleaved. The least of each counts: what others do only adds.
ROUNDS: Final = 100
ROUND_S: Final = 0.0005

Job = Callable[[], object]


def sparse_codes(
    shape: tuple[int, int], sparsity: float, block: tuple[int, int], seed: int = 0
) -> Array:
    """Return int8 weights [rows, columns] of which blocks are zero, each with that chance."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 128, shape) * rng.choice([-1, 1], shape)
    count = tuple(-(-extent // step) for extent, step in zip(shape, block, strict=True))
    kept = np.kron(rng.random(count) >= sparsity, np.ones(block, bool))
    return (codes * kept[: shape[0], : shape[1]]).astype(np.int8)


def block_of(name: str) -> tuple[int, int]:
    """Return the block that a format stores: 1 x 1 where it stores single values."""
    if not name.startswith("bsr"):
        return 1, 1
    rows, columns = name.removeprefix("bsr").split("x")
    return int(rows), int(columns)


def conv_layer(
    size: tuple[int, int], channels: int, out: int, kernel: int, codes: Array, name: str
) -> tuple[Conv2d, Site]:
    """Return a convolution that keeps its extents, weights stored in the format of that name."""
    weight = Weight(
        codes=codes.reshape(out, kernel, kernel, channels), quant=W, format=find_format(name)
    )
    pad = kernel // 2
    op = Conv2d(weight=weight, padding=((pad, pad), (pad, pad)))
    return op, site_of(op, (1, *size, channels))


def linear_layer(rows: int, codes: Array, name: str) -> tuple[Linear, Site]:
    """Return a linear layer of so many rows."""
    op = Linear(weight=Weight(codes=codes, quant=W, format=find_format(name)))
    return op, site_of(op, (rows, codes.shape[1]))


def site_of(op: Conv2d | Linear, shape: tuple[int, ...]) -> Site:
    """Return where a layer stands alone, with outputs that use all bytes."""
    y = replace(Y, scale=(0.25 * float(np.sqrt(op.weight.codes[0].size)),))
    return Site(
        name="graph/layer",
        inputs=(TensorType(shape=shape, quant=X),),
        outputs=(TensorType(shape=op.infer(shape)[0], quant=y),),
        numerics=find_policy("tflite-ref"),
    )


def stored_instruction(op: Conv2d | Linear, site: Site) -> Instruction:
    """Return the sparse instruction of a layer, also where a dense one is faster."""
    what, end = gain.runs_of(op, site), end_of(op, site, op.rounding(site.numerics))
    assert end is not None
    matrix = what.weights.reshape(len(what.weights), -1)
    rows, _ = gain.cheapest_steps(matrix, native(), has_quads=what.images[3] % 4 == 0)
    if op.weight.format.name == "csr":
        rows = 0
    made = sparse(what, end, native(), rows)
    assert made is not None
    return made


def dense_instruction(op: Conv2d | Linear, site: Site) -> Instruction:
    """Return the dense instruction of a layer, of vectors."""
    family: Any = linear if isinstance(op, Linear) else convolution
    (made,) = family.instructions(op, site, native())
    return made


def layer_job(
    op: Conv2d | Linear, site: Site, *, is_sparse: bool
) -> tuple[Job, Callable[[], Array]]:
    """Return a call of a layer alone, from bytes to bytes, and its result."""
    made = stored_instruction(op, site) if is_sparse else dense_instruction(op, site)
    runner: Any = run_sparse if is_sparse else convolution.run_convolution
    x = np.random.default_rng(1).integers(-128, 128, site.inputs[0].shape).astype(np.int8)
    arena, constants, row = placed(made, x, site.outputs[0].elements)
    start, call = int(row[3]), runner.dispatcher
    return (
        lambda: call(arena, constants, row),
        lambda: arena[start : start + site.outputs[0].elements].copy(),
    )


def layer_time_s(op: Conv2d | Linear, site: Site) -> float:
    """Return the least seconds of one layer as the plan runs it in its weight's format.

    A format that stores zeros, `dense`, runs dense; any other runs by its stored weights, whether
    that is faster or not. For calibration: the counts beside it are those of `hwsim.cost`.
    """
    job, _ = layer_job(op, site, is_sparse=not isinstance(op.weight.format, Dense))
    return least_times_s([job])[0]


def least_times_s(jobs: Iterable[Job]) -> list[float]:
    """Return the least seconds of each job, taken in turns."""
    jobs, repeats = list(jobs), list[int]()
    for job in jobs:
        job()
        start = time.perf_counter()
        job()
        repeats.append(max(1, round(ROUND_S / (time.perf_counter() - start))))
    least = [float("inf")] * len(jobs)
    for _ in range(ROUNDS):
        for index, (job, repeat) in enumerate(zip(jobs, repeats, strict=True)):
            start = time.perf_counter()
            for _ in range(repeat):
                job()
            least[index] = min(least[index], (time.perf_counter() - start) / repeat)
    return least


def layer_ratios(shape: str, sparsity: float) -> dict[str, float]:
    """Return the dense layer's time over that of each format, of the same zeros each time.

    Raises:
        AssertionError: Their bytes differ.
    """
    size, channels, out, kernel = SHAPES[shape]
    jobs: list[Job] = []
    for name in FORMATS:
        codes = sparse_codes((out, kernel * kernel * channels), sparsity, block_of(name))
        op, site = conv_layer(size, channels, out, kernel, codes, name)
        both = [layer_job(op, site, is_sparse=is_sparse) for is_sparse in (False, True)]
        for job, _ in both:
            job()
        np.testing.assert_array_equal(both[0][1](), both[1][1]())
        jobs += [job for job, _ in both]
    times = least_times_s(jobs)
    return {
        name: dense / ours
        for name, dense, ours in zip(FORMATS, times[::2], times[1::2], strict=True)
    }


def crossover(ratios: dict[float, float]) -> float:
    """Return the share of zeros at which a format is as fast as dense: between measured shares.

    The least measured share where it is faster at all of them.
    """
    shares = sorted(ratios)
    for low, high in pairwise(shares):
        if ratios[low] < 1 <= ratios[high]:
            gained = np.log(ratios[high] / ratios[low])
            return low + (high - low) * float(-np.log(ratios[low]) / gained)
    return shares[0] if ratios[shares[0]] >= 1 else 1.0


def scipy_ratios(shape: str, sparsity: float) -> dict[str, float]:
    """Return the time of SciPy's product of float32 over ours, whose result is int32.

    Ours takes int8 [positions, columns]; SciPy gets float32 [columns, positions], as it likes best,
    and what we take, as float32.
    """
    size, channels, out, kernel = SHAPES[shape]
    codes = sparse_codes((out, kernel * kernel * channels), sparsity, (1, 1))
    x = np.random.default_rng(1).integers(-128, 128, (size[0] * size[1], codes.shape[1]))
    x = x.astype(np.int8)
    ours = Csr().bind(Csr().pack(codes, 8))
    peer: Any = scipy.sparse.csr_matrix(codes.astype(np.float32))
    reals = x.astype(np.float32)
    columns = np.ascontiguousarray(reals.T)
    mine, best, same = least_times_s(
        (lambda: ours(x), lambda: peer @ columns, lambda: peer @ reals.T)
    )
    return {"columns together": best / mine, "positions together": same / mine}


def sparse_ratios() -> dict[str, dict[str, float]]:
    """Return dense time over that of formats, crossovers, and SciPy's time over ours, by row."""
    rows: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        found = {sparsity: layer_ratios(shape, sparsity) for sparsity in SPARSITIES}
        for sparsity, ratios in found.items():
            rows[f"dense / ours, {shape}, {sparsity:.0%} zeros"] = ratios
        rows[f"crossover of zeros, {shape}"] = {
            name: crossover({sparsity: ratios[name] for sparsity, ratios in found.items()})
            for name in FORMATS
        }
    for shape in SHAPES:
        for sparsity in (0.5, 0.9, 0.95):
            name = f"scipy CSR float32 / ours, {shape}, {sparsity:.0%} zeros"
            rows[name] = scipy_ratios(shape, sparsity)
    return rows


def main() -> None:
    """Print all rows."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name, ratios in sparse_ratios().items():
        shown = "  ".join(f"{key} {ratio:.3g}" for key, ratio in ratios.items())
        print(f"{name:48s} {shown}", flush=True)


if __name__ == "__main__":
    main()
