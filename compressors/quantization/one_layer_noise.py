"""How much the output suffers when one layer alone gets integer weights of few bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.grids import decoded, grid
from hwsim.ops import Softmax
from hwsim.reference import trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from compressors.quantization.layers import Product
    from compressors.quantization.schemes import Clip, Granularity
    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What one layer's weights of some bits do to the first output, all others being real.

    Attributes:
        layer: Name of the node.
        bits: Of its weights.
        weight_bytes: Of these, as encoded.
        noise: Squared error over squared output, the inverse of the signal-to-quantization-noise
            ratio; 0 where nothing changes.
        divergence_nats: Mean KL divergence from the softmax of the float outputs to that of these.
        accuracy_drop: Share of labels that it costs; negative where it gains some, NaN without
            labels.
    """

    layer: str
    bits: int
    weight_bytes: int
    noise: float
    divergence_nats: float
    accuracy_drop: float

    @property
    def sqnr_db(self) -> float:
        """Signal-to-quantization-noise ratio of the output in decibels; infinite without noise."""
        return float("inf") if self.noise == 0.0 else float(-10.0 * np.log10(self.noise))


def with_bits(op: Product, bits: int, granularity: Granularity, clip: Clip, where: str) -> Product:
    """Return `op` between reals, its weights the nearest codes of so many bits.

    Raises:
        RecipeError: The weights' storage format does not hold such codes.
    """
    quant = grid(op, bits, granularity, 0, clip)
    scale, _ = quant.spread(op.weight.shape)
    codes = np.clip(np.rint(op.weight.real() / scale), -quant.high, quant.high)
    return decoded(op, codes, quant, where)


def measure(
    graph: Graph, x: Array, y: Array | None, options: Mapping[str, Iterable[Product]]
) -> list[Sensitivity]:
    """Return how each option of each layer changes the first output.

    Args:
        graph: Of floats.
        x: [samples, *shape of the input].
        y: Labels [samples], or None.
        options: Layers of integer weights, any of which may stand in place of the node's own.
    """
    wanted = _outputs(graph, x)
    is_softmax = isinstance(graph.producers[graph.outputs[0]].op, Softmax)
    found: list[Sensitivity] = []
    for name, ops in options.items():
        for op in ops:
            made = _outputs(graph.with_ops({name: op}), x)
            drop = float("nan") if y is None else _accuracy(wanted, y) - _accuracy(made, y)
            found.append(
                Sensitivity(
                    layer=name,
                    bits=op.weight.bits,
                    weight_bytes=op.weight.storage_bytes,
                    noise=noise(wanted, made),
                    divergence_nats=divergence(wanted, made, is_softmax=is_softmax),
                    accuracy_drop=drop,
                )
            )
    return found


def _outputs(graph: Graph, x: Array) -> FloatArray:
    """Return the first output, [samples, elements]."""
    return trace(graph, x)[graph.outputs[0]].reshape(len(x), -1)


def _accuracy(outputs: FloatArray, y: Array) -> float:
    return float((outputs.argmax(axis=1) == y).mean())


def noise(wanted: FloatArray, made: FloatArray) -> float:
    """Return sum (made - wanted)^2 / sum wanted^2."""
    signal = float((wanted**2).sum())
    error = float(((made - wanted) ** 2).sum())
    return error / signal if signal else float(error > 0.0)


def divergence(wanted: FloatArray, made: FloatArray, *, is_softmax: bool) -> float:
    """Return the mean over samples of KL(p || q) = sum p (log p - log q), in nats.

    Args:
        wanted: Logits [samples, classes] of p, or p.
        made: Of q, likewise.
        is_softmax: Whether they are probabilities already.
    """
    log_p, log_q = (_log_shares(outputs, is_softmax) for outputs in (wanted, made))
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())


def _log_shares(outputs: FloatArray, is_softmax: bool) -> FloatArray:
    if is_softmax:
        # A share that has vanished counts as the smallest normal float64.
        return np.log(np.maximum(outputs, np.finfo(np.float64).tiny))
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def widths(text: str) -> Sequence[int]:
    """Return the numbers of bits that `2;4;8` names, ascending.

    Raises:
        ValueError: It names none, or some outside 2..8.
    """
    parts = [part.strip() for part in text.split(";")]
    if not all(part.isdecimal() and 2 <= int(part) <= 8 for part in parts):
        raise ValueError(f"expected bits of weights between 2 and 8, such as 2;4;8, got {text!r}")
    return sorted({int(part) for part in parts})
