"""Scores by the gradient of the loss on labelled samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.followers import following_activation
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.pruning.criteria._criterion import Study
    from hwsim.arrays import FloatArray


def taylor(study: Study) -> dict[str, FloatArray]:
    """Return (w dL/dw)^2, the mean over batches.

    Molchanov et al., "Importance Estimation for Neural Network Pruning", arXiv 1906.10771,
    section 3.1, equation 8: the squared change of the loss, to first order, without the weight.
    """
    return _weighted(study, study.batch_size, 1.0)


def fisher(study: Study) -> dict[str, FloatArray]:
    """Return 1/2 h w^2, h the diagonal of the empirical Fisher matrix: mean (dL/dw)^2 per sample.

    LeCun, Denker and Solla, "Optimal Brain Damage", 1989, equation 5, where the Fisher matrix is
    the Hessian (Theis et al., arXiv 1801.05787, section 2.1).
    """
    return _weighted(study, 1, 0.5)


def _weighted(study: Study, batch_size: int, factor: float) -> dict[str, FloatArray]:
    """Return factor w^2 times the mean over batches of the squared gradient."""
    data = study.labelled()
    _require_reals(study)
    # Torch takes more than a second to import; only those who need gradients wait for it.
    from compressors.training.saliency import squared_gradients

    squares = squared_gradients(study.graph, data, tuple(study.layers), batch_size)
    return {
        name: factor * np.square(op.weight.real()) * squares[name]
        for name, op in study.layers.items()
    }


def movement(study: Study) -> dict[str, FloatArray]:
    """Return - sum w dL/dw over the steps of a training: what moves away from 0 stays.

    Sanh, Wolf and Rush, "Movement Pruning", arXiv 2005.07683, section 4. Training only shows where
    weights move to; they stay as they are.
    """
    data = study.bench.labelled(study.graph, "prune")
    _require_reals(study)
    from compressors.training import Course
    from compressors.training.saliency import movements

    course = Course(
        epochs=study.epochs,
        learning_rate=study.learning_rate,
        batch_size=study.batch_size,
        seed=study.seed,
    )
    return movements(study.graph, data, tuple(study.layers), course, study.bench.watcher)


def taylor_activation(study: Study) -> dict[str, FloatArray]:
    """Return |sum over positions of a dL/da| of each channel a, the mean over samples.

    Molchanov et al., "Pruning Convolutional Neural Networks for Resource Efficient Inference",
    arXiv 1611.06440, section 2.2, equation 8; a is taken behind the non-linearity.
    """
    data = study.labelled()
    _require_reals(study)
    from compressors.training.saliency import activation_changes

    tensors = {name: following_activation(study.graph, name).tensor for name in study.layers}
    changes = activation_changes(study.graph, data, frozenset(tensors.values()), study.batch_size)
    return {name: changes[tensor] for name, tensor in tensors.items()}


def _require_reals(study: Study) -> None:
    for name, op in study.layers.items():
        if op.weight.quant is not None:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune expected real weights for a criterion of "
                f"gradients, got int{op.weight.bits}; prune before quantize, or criterion=l1"
            )
