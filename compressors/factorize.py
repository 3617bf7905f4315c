"""Low-rank factorization: a layer becomes two or three smaller ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, count
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._patterns import is_chosen
from compressors.factorization.evbmf import evbmf_rank
from compressors.factorization.ranks import (
    Method,
    break_even_rank,
    cost_of,
    energy_rank,
    find_scheme,
)
from hwsim.channels.layers import Layer
from hwsim.errors import RecipeError
from hwsim.graph import Node
from hwsim.ops import Conv2d, Conv2dTranspose
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from compressors.factorization.scheme import Ranks, Scheme
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class _Chosen(NamedTuple):
    """A layer that the settings name, and how it is factorized."""

    op: Layer
    x: TensorType
    scheme: Scheme


class Factorize(Compressor):
    """Write weights as products of matrices of low rank, each factor a layer of its own.

    A layer whose factors would not be smaller (fewer weights, no more multiply-accumulates) stays
    as it is. The last factor keeps the layer's name, bias and activation, and a batch norm behind
    it stays there. Factors are dense; train them with finetune. Weights that are integers, pruned
    or shared are refused, since the factors would be none of it.

    Attributes:
        method: For kernels larger than 1 x 1: `svd` leaves them; `channel_svd`: the kernel to few
            channels, then 1 x 1 (arXiv 1505.06798); `spatial_svd`: k x 1, then 1 x k (arXiv
            1405.3866); `tucker2`: 1 x 1, the kernel on few channels, 1 x 1 (arXiv 1511.06530).
            Linear layers and 1 x 1 convolutions are split in two by all of them. Convolutions
            with groups stay, and transposed ones with `spatial_svd`.
        rank: Components that stay; of both bonds with `tucker2`, at most their full rank.
        energy: Instead, the share of the squared singular values that stays, at each bond.
        ratio: Instead, a fraction of the break-even rank, rounded down, at least 1.
        evbmf: Instead, as many components as noise does not explain (JMLR 14, 2013; arXiv
            1511.06530); a layer that is all noise by that measure stays as it is.
        layers: Node names to factorize: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
    """

    name: ClassVar[str] = "factorize"
    data_need: ClassVar[DataNeed] = "none"
    method: Method = "svd"
    rank: int | None = Field(default=None, ge=1)
    energy: float | None = Field(default=None, gt=0.0, le=1.0)
    ratio: float | None = Field(default=None, gt=0.0, le=1.0)
    evbmf: bool = False
    layers: str = "*"
    exclude: str = ""

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        given = [name for name in ("rank", "energy", "ratio") if getattr(self, name) is not None]
        given += ["evbmf"] if self.evbmf else []
        if len(given) != 1:
            got = " and ".join(given) or "none"
            raise ValueError(f"expected one of rank, energy, ratio and evbmf, got {got}")
        return self

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        chosen = self._chosen(graph)
        factors = {name: self._factors(layer) for name, layer in chosen.items()}
        if not any(factors.values()):
            ranks = ", ".join(f"{name} {self._break_even(own)}" for name, own in chosen.items())
            raise RecipeError(
                f"{graph.name}: factorize: expected a layer that becomes smaller, got none at "
                f"{self}; the largest ranks that make one smaller are: {ranks}"
            )
        return _with_factors(
            graph,
            {
                name: tuple(zip((*chosen[name].scheme.parts, ""), ops, strict=True))
                for name, ops in factors.items()
                if ops
            },
        )

    def _chosen(self, graph: Graph) -> dict[str, _Chosen]:
        """Return the layers that the settings name and the method takes.

        Raises:
            RecipeError: There are none, one is called by its name and cannot be taken, or its
                weights are not plain reals.
        """
        chosen: dict[str, _Chosen] = {}
        for node in graph.nodes:
            if not is_chosen(node.name, self.layers, self.exclude):
                continue
            scheme = find_scheme(self.method, node.op)
            if scheme is not None and isinstance(node.op, Layer):
                _require_plain(f"{graph.name}/{node.name}", node.op)
                chosen[node.name] = _Chosen(node.op, graph.tensors[node.inputs[0]], scheme)
            elif node.name in self.layers.split(";"):
                raise RecipeError(
                    f"{graph.name}/{node.name}: factorize: {self._refusal(node)}; "
                    "leave it out of layers"
                )
        if not chosen:
            known = [n.name for n in graph.nodes if find_scheme(self.method, n.op) is not None]
            raise RecipeError(
                f"{graph.name}: factorize.layers: expected some of "
                f"{', '.join(known) or 'no layers'}, got layers={self.layers!r}, "
                f"exclude={self.exclude!r}, which leave none for method={self.method}"
            )
        return chosen

    def _refusal(self, node: Node) -> str:
        op = node.op
        if not isinstance(op, (Conv2d, Conv2dTranspose)):
            return f"expected a convolution or a linear layer, got {op.kind}"
        if op.groups > 1:
            return f"expected a convolution of all channels, got one of {op.groups} groups"
        kernel = " x ".join(map(str, op.kernel))
        return f"method={self.method} takes no {op.kind} of {kernel}, channel_svd and tucker2 do"

    def _factors(self, layer: _Chosen) -> tuple[Layer, ...]:
        """Return the factors of `layer`, none where they would not be smaller."""
        ranks = self._ranks(layer)
        if ranks is None:
            return ()
        op, x, scheme = layer
        ops = scheme.layers(op, scheme.factors(op, ranks))
        return ops if cost_of(ops, x).is_below(cost_of((op,), x)) else ()

    def _ranks(self, layer: _Chosen) -> Ranks | None:
        """Return the ranks that the settings ask for; None where none would do."""
        unfoldings = layer.scheme.unfoldings(layer.op)
        if self.energy is not None:
            return tuple(energy_rank(matrix, self.energy) for matrix in unfoldings)
        if self.evbmf:
            found = tuple(map(evbmf_rank, unfoldings))
            return found if all(found) else None
        rank = self.rank or 0
        if self.ratio is not None:
            largest = self._break_even(layer)
            if largest == 0:
                return None
            rank = max(1, int(self.ratio * largest))
        return tuple(min(rank, *matrix.shape) for matrix in unfoldings)

    def _break_even(self, layer: _Chosen) -> int:
        return break_even_rank(layer.op, layer.x, self.method)


def _require_plain(where: str, op: Layer) -> None:
    weight = op.weight
    got = f"int{weight.bits}" if weight.quant is not None else f"format {weight.format.name}"
    if weight.quant is not None or weight.format.name != "dense":
        raise RecipeError(
            f"{where}: factorize: expected dense float weights, got {got}; "
            "factorize before the steps that prune, share or quantize"
        )


def _with_factors(graph: Graph, factors: dict[str, tuple[tuple[str, Layer], ...]]) -> Graph:
    """Return `graph` with each node that has factors replaced by them.

    Args:
        graph: What to change.
        factors: By node: names of parts and ops, in the order of execution; the last keeps the
            node's own name.
    """
    taken = {node.name for node in graph.nodes} | set(graph.tensors)
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    for node in graph.nodes:
        *parts, (_, last) = factors.get(node.name, (("", node.op),))
        inputs = node.inputs
        for part, op in parts:
            name = _free(f"{node.name}/{part}", taken)
            taken.add(name)
            (shape,) = op.infer(*(tensors[tensor].shape for tensor in inputs))
            tensors[name] = TensorType(shape=shape)
            nodes.append(Node(name=name, op=op, inputs=inputs, outputs=(name,)))
            inputs = (name,)
        nodes.append(replace(node, op=last, inputs=inputs) if parts else node)
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, with a number behind it where something is called so already."""
    numbered = (f"{name}{number}" for number in count(2))
    return next(found for found in chain((name,), numbered) if found not in taken)
