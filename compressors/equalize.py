"""Cross-layer equalization: give the channels between layers equal ranges of weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from compressors._compressor import Compressor, DataNeed
from compressors.quantization.equalization import equal_scales, scaled
from compressors.quantization.scalable import find_scalable
from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError, RecipeError
from hwsim.fusion import fused
from hwsim.ops import Elementary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.workbench import Workbench
    from hwsim.graph import Graph
    from hwsim.op import Op
    from hwsim.tensor import Weight


class Equalize(Compressor):
    """Scale channels so that one scale per tensor fits them all; the function stays the same.

    Cross-layer equalization (Nagel et al., arXiv 1906.04721, section 4.1). Batch norms are folded
    and activations fused first. A channel is scaled where layers make it and layers read it, with
    nothing in between but what is positively homogeneous: ReLU, leaky ReLU, PReLU, pooling, sums,
    concatenations, padding, moves and means over positions. Behind a ReLU6, a gate or a norm
    channels stay as they are. Weights are rounded to float32, nothing else changes.

    Attributes:
        relu6: `keep`; or `relu`: write every ReLU6 as a ReLU first, as the paper does, so that
            channels behind it can be scaled. That changes the function where 6 is exceeded.
    """

    name: ClassVar[str] = "equalize"
    data_need: ClassVar[DataNeed] = "none"
    relu6: Literal["keep", "relu"] = "keep"

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        _require_reals(graph)
        graph = fused(_unclamped(graph) if self.relu6 == "relu" else graph)
        scalable = find_scalable(graph)
        if not scalable.is_free.any():
            raise RecipeError(
                f"{graph.name}: equalize expected channels that layers make and read with nothing "
                "but relu, leaky relu, prelu, pooling, sums or moves in between, got none; leave "
                "the step out (relu6=relu frees those behind a relu6)"
            )
        layers = layers_of(graph)
        scales = equal_scales(layers, scalable)
        ops: dict[str, Op] = {
            name: scaled(layer, scales[scalable.makes[name]], scales[scalable.reads[name]])
            for name, layer in layers.items()
        }
        _check_formats(graph, ops)
        return graph.with_ops(ops)


def _require_reals(graph: Graph) -> None:
    types = (str(type_) for type_ in graph.tensors.values() if type_.quant is not None)
    weights = (
        f"int{weight.bits} weights in {node.name}"
        for node in graph.nodes
        for weight in node.op.constants
        if weight.quant is not None
    )
    found = next(types, None) or next(weights, None)
    if found is not None:
        raise RecipeError(
            f"{graph.name}: equalize expected a graph of floats, got {found}; put equalize before "
            "the step that makes integers"
        )


def _unclamped(graph: Graph) -> Graph:
    """Return `graph` with a ReLU for every ReLU6."""
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        op: Any = node.op
        if isinstance(op, Elementary) and op.function == "relu6":
            ops[node.name] = replace(op, function="relu")
        elif getattr(op, "activation", "none") == "relu6":
            ops[node.name] = replace(op, activation="relu")
    return graph.with_ops(ops)


def _check_formats(graph: Graph, ops: Mapping[str, Op]) -> None:
    """Refuse weights that shared values, or whose format does not hold them any more."""
    before = {node.name: node.op for node in graph.nodes}
    for name, op in ops.items():
        for old, weight in zip(before[name].constants, op.constants, strict=True):
            try:
                _ = weight.packed if weight.format.name != "dense" else None
                _require_shared(old, weight)
            except FormatError as error:
                raise RecipeError(
                    f"{graph.name}/{name}: equalize scales each channel by itself, which the "
                    f"format of its weights cannot hold ({error}); equalize before values are "
                    "shared"
                ) from error


def _require_shared(old: Weight, new: Weight) -> None:
    values, made = (np.unique(weight.codes).size for weight in (old, new))
    if new.format.shares_values and made > values:
        raise FormatError(f"format {new.format.name}: {values} values would become {made}")
