"""Scores by what flows through a layer on calibration inputs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.calibration import patches, see
from compressors.pruning.followers import following_activation
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from compressors.pruning.criteria._criterion import Study
    from hwsim.arrays import Array, FloatArray


def wanda(study: Study) -> dict[str, FloatArray]:
    """Return |w_ij| ||x_j||_2, the norm over all that input j of the layer's product sees.

    Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", arXiv
    2306.11695, section 3, equation 1.
    """
    squares: dict[str, FloatArray] = {}
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for node in study.graph.nodes:
        if node.name in study.layers:
            readers[node.inputs[0]].append(node.name)

    def visit(tensor: str, values: FloatArray) -> None:
        for name in readers.get(tensor, ()):
            seen = np.square(patches(study.layers[name], values)).sum(axis=1)
            squares[name] = squares.get(name, 0.0) + seen

    see(study.graph, study.inputs(), visit)
    scores: dict[str, FloatArray] = {}
    for name, op in study.layers.items():
        groups, depth = squares[name].shape
        real = np.abs(op.weight.real()).reshape(groups, -1, depth)
        scores[name] = (real * np.sqrt(squares[name])[:, None]).reshape(op.weight.shape)
    return scores


def activation_mean(study: Study) -> dict[str, FloatArray]:
    """Return the mean magnitude of each channel's activations (Molchanov et al., arXiv 1611.06440).

    Taken behind batch norm, residual sum and non-linearity, over samples and positions.
    """
    tensors = {name: following_activation(study.graph, name).tensor for name in study.layers}
    return _channel_means(study, tensors, np.abs)


def apoz(study: Study) -> dict[str, FloatArray]:
    """Return less the average percentage of zeros: the share of activations that are not 0.

    Hu et al., "Network Trimming", arXiv 1607.03250, section 3.1: zeros of activations, not of
    weights; the channel with most of them goes first.

    Raises:
        RecipeError: No ReLU follows some layer.
    """
    tensors: dict[str, str] = {}
    for name in study.layers:
        active = following_activation(study.graph, name)
        if not active.is_one_sided:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune{{criterion=apoz}} expected a ReLU behind the "
                f"layer, got none; criterion=activation_mean, or exclude={name}"
            )
        tensors[name] = active.tensor
    return _channel_means(study, tensors, lambda values: values != 0)


def _channel_means(
    study: Study, tensors: Mapping[str, str], measure: Callable[[FloatArray], Array]
) -> dict[str, FloatArray]:
    """Return per layer the mean [out] of `measure` over its tensor's samples and positions."""
    sums: dict[str, FloatArray] = {}
    counts: dict[str, int] = defaultdict(int)
    watched = frozenset(tensors.values())

    def visit(tensor: str, values: FloatArray) -> None:
        if tensor in watched:
            rows = measure(values).reshape(-1, values.shape[-1])
            sums[tensor] = sums.get(tensor, 0.0) + rows.sum(axis=0)
            counts[tensor] += len(rows)

    see(study.graph, study.inputs(), visit)
    return {name: sums[tensor] / counts[tensor] for name, tensor in tensors.items()}
