"""Pruning by magnitude: single weights, N:M patterns, or whole filters."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors.pruning.channels import find_channels
from compressors.pruning.filters import Choice, Criterion, Scope, choose
from compressors.pruning.masks import keep_largest, keep_n_of_m
from compressors.pruning.removal import without
from hwsim.errors import FormatError, RecipeError
from hwsim.formats import NM
from hwsim.formats.find import find_format
from hwsim.ops import Conv2d, Conv2dTranspose, Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.workbench import Workbench
    from hwsim.arrays import Array
    from hwsim.formats import Format
    from hwsim.graph import Graph
    from hwsim.op import Op

_STRUCTURES = ("unstructured", "filter")


class Prune(Compressor):
    """Set the weights of smallest magnitude to zero, or remove the filters of smallest norm.

    Weights of convolutions and linear layers only; biases and norms stay. Integer graphs are
    pruned to their zero points. An unstructured step removes exactly round(sparsity * n) weights,
    zeros that are there already among them; N:M leaves depthwise convolutions and rows of at
    most N weights dense.

    Attributes:
        structure: `unstructured`; `N:M` such as `2:4`: at most N of each M weights along a row;
            `filter`: whole output channels, which really go, with everything that depends on them.
        sparsity: Fraction to remove, 0 <= sparsity < 1; an N:M pattern says it already.
        threshold: Instead of sparsity, unstructured: weights of |w| < threshold go, ties stay
            (Han et al., arXiv 1506.02626).
        scope: `local`: the fraction of each layer; `global`: of all layers by one threshold, raw
            magnitudes for weights, scores over their layer's mean for filters.
        criterion: Norm of filters (arXiv 1608.08710); single weights have only a magnitude.
        round_to: The channels that filter pruning leaves of a layer are rounded up to a multiple
            of this, on each side of a concatenation too; where that cannot be had, all stay.
        format: How unstructured weights are stored then.
        layers: Node names to prune: shell patterns, separated by `;`.
        exclude: Node names to leave, likewise.
    """

    name: ClassVar[str] = "prune"
    data_need: ClassVar[DataNeed] = "none"
    structure: str = "unstructured"
    sparsity: float | None = Field(default=None, ge=0.0, lt=1.0)
    threshold: float | None = Field(default=None, ge=0.0)
    scope: Scope = "local"
    criterion: Criterion = "l1"
    round_to: int = Field(default=1, ge=1)
    format: str = "bitmask"
    layers: str = "*"
    exclude: str = ""

    @field_validator("structure")
    @classmethod
    def _known_structure(cls, value: str) -> str:
        if value not in _STRUCTURES and _pattern(value) is None:
            known = ", ".join(_STRUCTURES)
            raise ValueError(f"expected {known} or N:M with 1 <= N <= M <= 256, got {value!r}")
        return value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        try:
            format_ = find_format(value)
        except FormatError as error:
            raise ValueError(str(error)) from error
        if isinstance(format_, NM):
            raise ValueError(
                f"expected an unstructured format, got {value}; structure={value} does"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if _pattern(self.structure) is not None:
            self._require(self.sparsity is None, "sparsity", "the pattern says it")
        else:
            given = (self.sparsity is None) + (self.threshold is None)
            self._require(given != 2, "no sparsity", "such as sparsity=0.5")
            self._require(given != 0, "sparsity and threshold", "one of them")
        if self.structure != "unstructured":
            self._require(self.threshold is None, "threshold", "structure=unstructured does")
            plain = self.format == "bitmask" or self.structure == "filter"
            self._require(plain, f"format={self.format}", "it has its own")
            self._require(self.structure == "filter" or self.scope == "local", "scope=global",
                          "N:M holds in each group")  # fmt: skip
        if self.structure != "filter":
            self._require(self.round_to == 1, "round_to", "structure=filter does")
        return self

    def _require(self, kept: bool, got: str, remedy: str) -> None:
        if not kept:
            raise ValueError(f"structure={self.structure} got {got}; {remedy}")

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        del bench
        layers = self._layers(graph)
        pattern = _pattern(self.structure)
        if self.structure == "filter":
            channels = find_channels(graph)
            choice = Choice(
                sparsity=self.sparsity or 0.0,
                scope=self.scope,
                criterion=self.criterion,
                round_to=self.round_to,
            )
            return without(graph, channels, choose(graph, channels, choice, layers))
        if pattern is not None:
            return graph.with_ops(_patterned(layers, pattern))
        return graph.with_ops(self._sparse(layers))

    def _layers(self, graph: Graph) -> dict[str, Conv2d | Conv2dTranspose | Linear]:
        """Return the convolutions and linear layers that the settings name.

        Raises:
            RecipeError: There are none.
        """
        known = {
            n.name: n.op for n in graph.nodes if isinstance(n.op, (Conv2d, Conv2dTranspose, Linear))
        }
        chosen = {
            name: op
            for name, op in known.items()
            if _matches(name, self.layers) and not _matches(name, self.exclude)
        }
        if not chosen:
            raise RecipeError(
                f"{graph.name}: prune.layers: expected some of {', '.join(known) or 'no layers'}, "
                f"got layers={self.layers!r}, exclude={self.exclude!r}, which leave none"
            )
        return chosen

    def _sparse(self, layers: Mapping[str, Conv2d | Conv2dTranspose | Linear]) -> dict[str, Op]:
        """Return `layers` with single weights set to zero."""
        reals = {name: np.abs(op.weight.real()) for name, op in layers.items()}
        if self.threshold is not None:
            keeps = {name: real >= self.threshold for name, real in reals.items()}
        elif self.scope == "local":
            keeps = {name: keep_largest(real, self.sparsity or 0.0) for name, real in reals.items()}
        else:
            flat = np.concatenate([real.ravel() for real in reals.values()])
            keep = keep_largest(flat, self.sparsity or 0.0)
            ends = np.cumsum([real.size for real in reals.values()])[:-1]
            parts = zip(reals.items(), np.split(keep, ends), strict=True)
            keeps = {name: part.reshape(real.shape) for (name, real), part in parts}
        format_ = find_format(self.format)
        return {name: _masked(op, keeps[name], format_) for name, op in layers.items()}


def _pattern(structure: str) -> NM | None:
    """Return the N:M format that `structure` names, if it does."""
    try:
        format_ = find_format(structure)
    except FormatError:
        return None
    return format_ if isinstance(format_, NM) else None


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns.split(";"))


def _patterned(
    layers: Mapping[str, Conv2d | Conv2dTranspose | Linear], pattern: NM
) -> dict[str, Op]:
    """Return those of `layers` that can follow the pattern, following it."""
    ops: dict[str, Op] = {}
    for name, op in layers.items():
        is_depthwise = isinstance(op, Conv2d) and op.is_depthwise
        if not is_depthwise and op.weight.matrix.shape[1] > pattern.n:
            magnitudes = np.abs(op.weight.real()).reshape(op.weight.matrix.shape)
            keep = keep_n_of_m(magnitudes, pattern.n, pattern.m)
            ops[name] = _masked(op, keep.reshape(op.weight.shape), pattern)
    return ops


def _masked(op: Conv2d | Conv2dTranspose | Linear, keep: Array, format_: Format) -> Op:
    return replace(op, weight=replace(op.weight.masked(keep), format=format_))
