"""Scheduled: the slots of an accelerator that walks both patterns, averaged over samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.accelerators.dense_input import Layer, walk_dense_input
from hwsim.cost.patterns import patches_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.accelerators import Accelerator, Mask, Walk
    from hwsim.arrays import IntArray, Shape
    from hwsim.cost.patterns import Patterns
    from hwsim.program import Step
    from hwsim.tensor import Weight

# What the slots of a walk are spent on, in the order of an array of them.
EXECUTED, FILLER, GATED, IDLE = range(4)


def scheduled(
    accelerator: Accelerator,
    weight: Weight,
    step: Step,
    shape: Shape,
    mask: Mask | None,
    patterns: Patterns,
) -> IntArray:
    """Return the slots of a layer on an accelerator, by what they are spent on.

    Weights stored dense have no zeros. Activations have none where no `mask` shows them; with one,
    the slots of all samples are averaged and rounded to whole ones, each kind by itself.
    Convolutions know the height and width of their input (the images of a batch lie below each
    other). Products beyond those of stored weights and output positions are thrown away, as a
    stride or the edge of an image asks: they are filler.

    Args:
        accelerator: Which.
        weight: As stored.
        step: The layer.
        shape: Of its input.
        mask: [samples, *shape] bool, or None.
        patterns: Where the patterns come from.

    Returns:
        int64 [4]: executed, filler, gated and idle slots.
    """
    workload = step.workload
    is_walked = step.is_walked
    layer = Layer(
        weights=patterns.weights(weight) if is_walked else np.ones(weight.matrix.shape, np.bool_),
        groups=workload.groups,
        channels=workload.channels_in,
        positions=workload.columns,
        image=(shape[0] * shape[1], shape[2]) if len(shape) == 4 else None,
    )
    walks = None if mask is None else _walks(accelerator, layer, step, mask, patterns)
    if walks is None:
        spent = _spent(walk_dense_input(accelerator, layer))
    else:
        samples = np.array(list(walks))
        spent = (2 * samples.sum(axis=0) + len(samples)) // (2 * len(samples))
    own = (weight.nonzeros if is_walked else weight.codes.size) * workload.columns
    thrown_away = max(0, int(spent[EXECUTED]) - own)
    spent[EXECUTED] -= thrown_away
    spent[FILLER] += thrown_away
    return spent


def _walks(
    accelerator: Accelerator, layer: Layer, step: Step, mask: Mask, patterns: Patterns
) -> Iterator[IntArray] | None:
    """Return the slots of each sample; None where the op has no patches."""
    weights = layer.matrix
    if accelerator.reads_image and layer.image is not None:
        extents = (*layer.image, layer.groups * layer.channels)
        return (
            _spent(accelerator.walk(weights, patterns.activations(sample).reshape(extents)))
            for sample in mask
        )
    patches = patches_of(step, mask, patterns)
    if patches is None:
        return None
    return (
        np.array([one.scaled(number) for number in _spent(walk).tolist()])
        for one in patches
        for walk in (accelerator.walk(weights, one.product),)
    )


def _spent(walk: Walk) -> IntArray:
    return np.array([walk.macs_executed, walk.filler, walk.gated, walk.idle], np.int64)
