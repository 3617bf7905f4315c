"""Schemes of weights in training: scales that follow the weights, that are learned, or held."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

import torch
from torch import nn

from compressors.quantization.scales import group_scale
from compressors.quantization.schemes import Binary
from compressors.training.straight import floats, stepped, straight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from compressors.quantization.schemes import Scheme
    from hwsim.arrays import FloatArray, IntArray
    from hwsim.numerics import Quant
    from hwsim.tensor import Weight


class WeightScales(Protocol):
    """How the weights of layers become codes as they are now; a module, so that its state is kept.

    Layers are convolutions and linear layers, by the names of their nodes.
    """

    def scheme(self, node: str) -> Scheme:
        """Return the scheme of the weights of a node."""
        ...

    def passed(self, node: str, weight: Weight, made: Tensor, v: Tensor) -> Tensor:
        """Return `made` with the gradients that it has.

        Args:
            node: A layer.
            weight: Its codes.
            made: What they mean.
            v: The reals that became codes.
        """
        ...


class FollowingScales(nn.Module):
    """Scales are what the scheme makes of the weights as they are now."""

    def __init__(self, schemes: Mapping[str, Scheme]) -> None:
        """Use these schemes, by node."""
        super().__init__()
        self._schemes = schemes

    def scheme(self, node: str) -> Scheme:
        """See `WeightScales.scheme`."""
        return self._schemes[node]

    def passed(self, node: str, weight: Weight, made: Tensor, v: Tensor) -> Tensor:
        """See `WeightScales.passed`."""
        del weight
        # Weights beyond 1 would hardly change their sign again (arXiv 1602.02830, section 1.3).
        end = 1.0 if isinstance(self._schemes[node], Binary) else math.inf
        return straight(made, v, v.detach().abs() <= end)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """A scheme of equal steps whose scales are given.

    Attributes:
        inner: Whose levels and codes count.
        scale: As many as `inner` would make.
    """

    name: ClassVar[str] = "scaled"
    storage: ClassVar[str] = ""
    inner: Scheme
    scale: tuple[float, ...]

    @property
    def bits(self) -> int:
        """See `Scheme.bits`."""
        return self.inner.bits

    @property
    def power_of_two_scales(self) -> bool:
        """See `Scheme.power_of_two_scales`."""
        return self.inner.power_of_two_scales

    def quant(self, real: FloatArray) -> Quant:
        """See `Scheme.quant`."""
        return replace(self.inner.quant(real), scale=self.scale)

    def levels(self) -> IntArray:
        """See `Scheme.levels`."""
        return self.inner.levels()

    def codes(self, real: FloatArray, quant: Quant) -> IntArray:
        """See `Scheme.codes`."""
        return self.inner.codes(real, quant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScaledLevels(_Scaled):
    """The same of a scheme of unequal levels."""

    storage: ClassVar[str] = "codebook"


_SCALED = {kind.storage: kind for kind in (_Scaled, _ScaledLevels)}


def scaled(scheme: Scheme, scale: tuple[float, ...]) -> Scheme:
    """Return `scheme` with these scales whatever the weights are, each a float32 value > 0."""
    return _SCALED[scheme.storage](inner=scheme, scale=scale)


class LearnedScales(nn.Module):
    """Scales are parameters, or held where they started (LSQ, arXiv 1902.08153, section 2).

    Best they start where the error is least. Gradients of scales are multiplied by 1 / sqrt(N Qp),
    N weights that share one, Qp the largest code.
    """

    def __init__(
        self,
        schemes: Mapping[str, Scheme],
        start: Mapping[str, Quant],
        *,
        is_held: bool,
    ) -> None:
        """Start from these scales.

        Args:
            schemes: Of zero point 0, by node.
            start: Encodings of the weights of layers, by node.
            is_held: Whether nothing is learned.
        """
        super().__init__()
        self._schemes = schemes
        self._names = {node: f"scale{i}" for i, node in enumerate(start)}
        for node, quant in start.items():
            scale = torch.tensor(quant.scale, dtype=torch.float32)
            self.register_parameter(
                self._names[node], nn.Parameter(scale, requires_grad=not is_held)
            )

    def scheme(self, node: str) -> Scheme:
        """See `WeightScales.scheme`."""
        if node not in self._names:
            return self._schemes[node]
        scales = floats(getattr(self, self._names[node]))
        return scaled(self._schemes[node], tuple(group_scale(abs(scale), 32) for scale in scales))

    def passed(self, node: str, weight: Weight, made: Tensor, v: Tensor) -> Tensor:
        """See `WeightScales.passed`."""
        if node not in self._names or weight.quant is None:
            return straight(made, v, torch.ones_like(v, dtype=torch.bool))
        scale: Tensor = getattr(self, self._names[node])
        top = int(self._schemes[node].levels()[-1])
        # Where the bias asked for a wider scale, that one counts.
        now = torch.tensor(weight.quant.scale, dtype=torch.float32)
        step = (scale.abs() + (now - scale.detach().abs())).reshape(-1, *(1,) * (v.ndim - 1))
        # Half a step beyond the last code is still rounded to it.
        inside = v.detach().abs() <= (top + 0.5) * step.detach()
        gain = (top * v.numel() / scale.numel()) ** -0.5
        return stepped(made, v, inside, step, gain)
