"""Encodings of activations in training: observed and followed, or learned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import nn

from compressors.quantization.encodings import encodings, free_groups
from compressors.quantization.scales import activation_scale
from compressors.training.straight import clipped, floats, stepped, straight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from compressors.quantization.encodings import ActivationEncoding
    from compressors.quantization.observers import Observation, Range
    from hwsim.arrays import FloatArray
    from hwsim.graph import Graph
    from hwsim.numerics import Quant

# Share of a new batch in a range that follows.
_FRESH = 0.1
# Standard deviation of normal values over their mean magnitude.
_NORMAL_DEVIATION = math.sqrt(math.pi / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A tensor in training.

    Attributes:
        name: Of the tensor.
        real: What its codes mean, [samples, *shape].
        v: The reals that float arithmetic makes of the same operands.
        quant: Encoding of the codes.
    """

    name: str
    real: Tensor
    v: Tensor
    quant: Quant

    @property
    def inside(self) -> Tensor:
        """Where `v` lies in the range of the codes; before signs, within a deviation of 0.

        Binarized networks pass gradients where normalised inputs lie in -1..1 (Hubara et al., arXiv
        1602.02830, equation 4); the scale of signs is the mean magnitude.
        """
        low, high = self.quant.decode(np.array([self.quant.low, self.quant.high]))
        wider = _NORMAL_DEVIATION if self.quant.is_bipolar else 1.0
        return (self.v.detach() >= wider * low) & (self.v.detach() <= wider * high)


class Activations(Protocol):
    """Encodings of activations as they are now; a module, so that its state is kept."""

    def quants(self) -> dict[str, Quant]:
        """Return the encoding of every tensor."""
        ...

    def passed(self, made: Made) -> Tensor:
        """Return `made.real` with the gradients that it has; in training, take note of it."""
        ...

    def penalty(self) -> Tensor:
        """Return what is added to the loss, a scalar."""
        ...


class Followed(nn.Module):
    """Ranges observed before training that follow the batches for a while, then stay.

    low <- 0.9 low + 0.1 of the batch's, and so for high (Jacob et al., arXiv 1712.05877, section
    3.1, with a longer memory).
    """

    def __init__(
        self,
        graph: Graph,
        ranges: Mapping[str, Range],
        encoding: ActivationEncoding,
        observation: Observation,
        batches: int,
    ) -> None:
        """Start from `ranges`, and follow so many batches."""
        super().__init__()
        self._graph, self._encoding, self._observation = graph, encoding, observation
        self._index = {name: i for i, name in enumerate(ranges)}
        self.ranges: Tensor
        self.left: Tensor
        self.register_buffer("ranges", torch.tensor(list(ranges.values()), dtype=torch.float64))
        # Counted per tensor, since a tensor is seen once per batch at most.
        self.register_buffer("left", torch.full((len(ranges),), batches))

    def quants(self) -> dict[str, Quant]:
        """See `Activations.quants`."""
        lows, highs = floats(self.ranges[:, 0]), floats(self.ranges[:, 1])
        ranges = {name: (lows[i], highs[i]) for name, i in self._index.items()}
        return encodings(self._graph, ranges, self._encoding)

    def passed(self, made: Made) -> Tensor:
        """See `Activations.passed`."""
        index = self._index[made.name]
        if self.training and int(self.left[index]) > 0:
            self.left[index] -= 1
            values: FloatArray = made.v.detach().double().numpy()
            seen = float(values.min()), float(values.max())
            bits = self._encoding.bits[made.name]
            observer = self._observation.make(values.size, bits, seen)
            observer.see(values)
            low, high = observer.range()
            fresh = torch.tensor([min(low, 0.0), max(high, 0.0)], dtype=torch.float64)
            self.ranges[index] += _FRESH * (fresh - self.ranges[index])
        return straight(made.real, made.v, made.inside)

    def penalty(self) -> Tensor:
        """See `Activations.penalty`."""
        return torch.zeros(())


class LearnedSteps(nn.Module):
    """One learned step per group of tensors that share an encoding; zero points stay (LSQ).

    Esser et al., arXiv 1902.08153: gradients of steps are multiplied by 1 / sqrt(N Qp), N elements
    of a sample, Qp the largest code above zero. Tensors without negative values use all codes for
    positive ones, as there; zero points between, where encodings have them, are not learned.
    """

    def __init__(
        self, graph: Graph, ranges: Mapping[str, Range], encoding: ActivationEncoding
    ) -> None:
        """Start from the steps that `ranges` give."""
        super().__init__()
        self._start = encodings(graph, ranges, encoding)
        self._group: dict[str, int] = {}
        self._gain: dict[str, float] = {}
        steps: list[float] = []
        for names in free_groups(graph, encoding):
            quant = self._start[names[0]]
            for name in names:
                self._group[name] = len(steps)
                above = max(1, quant.high - quant.zero_point[0])
                self._gain[name] = 1.0 / math.sqrt(graph.tensors[name].elements * above)
            steps.append(quant.scale[0])
        self.steps = nn.Parameter(torch.tensor(steps, dtype=torch.float32))

    def quants(self) -> dict[str, Quant]:
        """See `Activations.quants`."""
        steps = [activation_scale(abs(step)) for step in floats(self.steps)]
        return {
            name: quant
            if name not in self._group
            else replace(quant, scale=(steps[self._group[name]],))
            for name, quant in self._start.items()
        }

    def passed(self, made: Made) -> Tensor:
        """See `Activations.passed`."""
        if made.name not in self._group:
            return straight(made.real, made.v, made.inside)
        step = self.steps[self._group[made.name]].abs()
        return stepped(made.real, made.v, made.inside, step, self._gain[made.name])

    def penalty(self) -> Tensor:
        """See `Activations.penalty`."""
        return torch.zeros(())


class LearnedClips(nn.Module):
    """Learned tops of the ranges of tensors without negative values; the others stay (PACT).

    Choi et al., arXiv 1805.06085, section 3, with their L2 penalty on the tops.
    """

    def __init__(
        self, graph: Graph, ranges: Mapping[str, Range], encoding: ActivationEncoding, decay: float
    ) -> None:
        """Start from `ranges`."""
        super().__init__()
        self._graph, self._encoding, self._decay = graph, encoding, decay
        self._ranges = dict(ranges)
        self._group: dict[str, int] = {}
        tops: list[float] = []
        for names in free_groups(graph, encoding):
            low, high = min(ranges[n][0] for n in names), max(ranges[n][1] for n in names)
            if low == 0.0 < high:
                self._group |= dict.fromkeys(names, len(tops))
                tops.append(high)
        self.tops = nn.Parameter(torch.tensor(tops, dtype=torch.float32))

    def quants(self) -> dict[str, Quant]:
        """See `Activations.quants`."""
        tops = [abs(top) for top in floats(self.tops)]
        learned = {name: (0.0, tops[group]) for name, group in self._group.items()}
        return encodings(self._graph, self._ranges | learned, self._encoding)

    def passed(self, made: Made) -> Tensor:
        """See `Activations.passed`."""
        if made.name not in self._group:
            return straight(made.real, made.v, made.inside)
        return clipped(made.real, made.v, made.inside, self.tops[self._group[made.name]].abs())

    def penalty(self) -> Tensor:
        """See `Activations.penalty`."""
        return self._decay * self.tops.square().sum()
