"""Tensors of LiteRT, by the kernels that an op resolver picks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from hwsim.errors import DataError
from hwsim.peers._package import package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hwsim.arrays import Array

Resolver: TypeAlias = Literal["AUTO", "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"]


def litert_tensors(
    resolver: Resolver, path: Path, x: Array, wanted: Sequence[str] = ()
) -> dict[str, Array]:
    """Return every tensor that LiteRT computes for stacked inputs, by name.

    Args:
        resolver: `AUTO` (XNNPACK and LiteRT's optimized kernels for what it leaves), `BUILTIN_REF`
            (the reference kernels) or `BUILTIN_WITHOUT_DEFAULT_DELEGATES` (optimized ones alone).
        path: A .tflite file of one input.
        x: [samples, ...], as the input takes it.
        wanted: All are given, whatever is wanted.

    Returns:
        [samples, *tensor shape] each; scratch space and constants left out.

    Raises:
        DataError: LiteRT refuses the model or the inputs.
        UnsupportedError: The package is missing.
    """
    del wanted
    litert: Any = package("ai_edge_litert.interpreter")
    try:
        runner = _interpreter(litert, path, resolver)
        (source,) = runner.get_input_details()
        kept: dict[str, list[Array]] = {}
        for sample in x.reshape(-1, *source["shape"]):
            runner.set_tensor(source["index"], sample)
            runner.invoke()
            for name, value in _computed(runner):
                kept.setdefault(name, []).append(value)
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{path.name}: LiteRT: {' '.join(str(error).split())}") from error
    return stacked_tensors(kept, len(x))


def _interpreter(litert: Any, path: Path, resolver: Resolver) -> Any:
    with warnings.catch_warnings():
        # It warns of the memory that keeping all tensors takes.
        warnings.simplefilter("ignore")
        runner = litert.Interpreter(
            model_content=path.read_bytes(),
            experimental_op_resolver_type=litert.OpResolverType[resolver],
            experimental_preserve_all_tensors=True,
            num_threads=1,
        )
    runner.allocate_tensors()
    return runner


def _computed(runner: Any) -> Iterator[tuple[str, Array]]:
    """Yield (name, values) of each tensor that has values after a run."""
    for detail in runner.get_tensor_details():
        try:
            yield detail["name"], runner.get_tensor(detail["index"]).copy()
        except ValueError:
            continue  # Scratch space of a kernel has no data to show.


def stacked_tensors(kept: Mapping[str, list[Array]], samples: int) -> dict[str, Array]:
    """Return the values of each tensor as [samples, ...]; those that were not always there drop.

    Args:
        kept: The values of one tensor, one array per sample; scratch space may change its shape.
        samples: How many there were.
    """
    return {
        name: np.stack(values)
        for name, values in kept.items()
        if len(values) == samples and len({value.shape for value in values}) == 1
    }
