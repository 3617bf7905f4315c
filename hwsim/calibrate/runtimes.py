"""Runtimes of this host that can be measured: a graph in, a function that runs it once out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hwsim.calibrate.bare import without_conversions
from hwsim.calibrate.kernels import (
    LITERT_DRAFTS,
    ONNXRUNTIME_DRAFTS,
    OWN_DRAFTS,
    OWN_FORMATS,
)
from hwsim.calibrate.layers import TYPES
from hwsim.calibrate.own_kernels import POLICY, prepared
from hwsim.errors import UnsupportedError
from hwsim.interchange import save
from hwsim.peers._package import package

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.calibrate.kernels import KernelDraft
    from hwsim.graph import Graph

Once: TypeAlias = Callable[[], object]
"""Runs one inference; its inputs lie ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRuntime:
    """A runtime that is measured.

    Attributes:
        name: As the command line spells it.
        title: As its makers call it.
        package: The Python package that it comes in.
        policy: Which of our numerics is its integers.
        drafts: The kernels that it is taken to have.
        prepare: Graph and threads to a function that runs it once.
        types: Of layers that it is measured on, of `hwsim.calibrate.layers.TYPES`.
        formats: Sparse storage formats that it has kernels for.
    """

    name: str
    title: str
    package: str
    policy: str
    drafts: tuple[KernelDraft, ...]
    prepare: Callable[[Graph, int], Once]
    types: tuple[str, ...] = TYPES
    formats: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Of the installed package.

        Raises:
            UnsupportedError: It is missing.
        """
        return str(package(self.package).__version__)


def _own(graph: Graph, threads: int) -> Once:
    if threads != 1:
        raise UnsupportedError(
            f"hwsim runs a sample on one core: expected --threads 1, got {threads}"
        )
    return prepared(graph)


def _litert(graph: Graph, threads: int) -> Once:
    litert: Any = package("ai_edge_litert.interpreter")
    runner = litert.Interpreter(model_content=_written(graph, ".tflite"), num_threads=threads)
    runner.allocate_tensors()
    for source in runner.get_input_details():
        runner.set_tensor(source["index"], _values(source["shape"], source["dtype"]))
    invoke: Once = runner.invoke
    return invoke


def _onnxruntime(graph: Graph, threads: int) -> Once:
    runtime: Any = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(
        without_conversions(_written(graph, ".onnx")), options, providers=["CPUExecutionProvider"]
    )
    bound = session.io_binding()
    for source in session.get_inputs():
        dtype = _ONNX_TYPES[source.type]
        bound.bind_ortvalue_input(
            source.name, runtime.OrtValue.ortvalue_from_numpy(_values(source.shape, dtype))
        )
    for sink in session.get_outputs():
        # Allocated once: a large result that is allocated anew costs more than many a layer.
        held = runtime.OrtValue.ortvalue_from_numpy(np.zeros(sink.shape, _ONNX_TYPES[sink.type]))
        bound.bind_ortvalue_output(sink.name, held)
    return lambda: session.run_with_iobinding(bound)


_ONNX_TYPES = {
    "tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8,
}  # fmt: skip


def _written(graph: Graph, suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        save(graph, path)
        return path.read_bytes()


def _values(shape: Any, dtype: Any) -> Array:
    rng = np.random.default_rng(0)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal(tuple(shape)).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max + 1, tuple(shape)).astype(dtype)


RUNTIMES: tuple[HostRuntime, ...] = (
    HostRuntime(
        name="litert", title="LiteRT with XNNPACK", package="ai_edge_litert", policy="xnnpack",
        drafts=LITERT_DRAFTS, prepare=_litert,
    ),
    HostRuntime(
        name="onnxruntime", title="ONNX Runtime", package="onnxruntime", policy="ort",
        drafts=ONNXRUNTIME_DRAFTS, prepare=_onnxruntime,
    ),
    HostRuntime(
        name="hwsim", title="hwsim's own kernels", package="hwsim", policy=POLICY,
        drafts=OWN_DRAFTS, prepare=_own, types=("8x8",), formats=OWN_FORMATS,
    ),
)  # fmt: skip
"""A new runtime is an entry here."""


def find_runtime(name: str) -> HostRuntime:
    """Return the runtime of that name.

    Raises:
        UnsupportedError: There is none.
    """
    for runtime in RUNTIMES:
        if runtime.name == name:
            return runtime
    known = ", ".join(runtime.name for runtime in RUNTIMES)
    raise UnsupportedError(f"no runtime {name!r} to calibrate; known: {known}")
