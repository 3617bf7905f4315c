"""Train a float graph through the integers that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from compressors.quantization.encodings import ActivationEncoding
from compressors.quantization.forms import require_both_signs, require_moderate
from compressors.quantization.plan import REAL_BITS, require_one_kind
from compressors.quantization.ranges import observe
from compressors.quantization.signs import with_signs
from compressors.training.activations import Followed, LearnedClips, LearnedSteps
from compressors.training.integer_twin import IntegerTwin
from compressors.training.twin import fit
from compressors.training.weight_scales import FollowingScales, LearnedScales
from hwsim.channels.layers import Layer
from hwsim.fusion import fused, without_batch_norm
from hwsim.reference import stacked

if TYPE_CHECKING:
    from compressors.quantization.forms import QuantizationPlan
    from compressors.quantization.integer_ops import LayerEncoding
    from compressors.quantization.plan import WeightPlan
    from compressors.training.activations import Activations
    from compressors.training.loop import Course
    from compressors.training.weight_scales import WeightScales
    from compressors.workbench import Watcher
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.numerics import Numerics, Quant

Method: TypeAlias = Literal["ste", "lsq", "pact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerTraining:
    """How integers come into training.

    Attributes:
        plan: Schemes, widths and observers, as of `quantize`.
        method: `ste`: scales follow weights, ranges of activations are observed; `lsq`: both are
            learned steps; `pact`: scales follow weights, tops of activations are learned.
        policy: Whose rounding.
        calibration_samples: The first so many inputs are observed.
        range_batches: So many batches are followed by observed ranges.
        clip_decay: Of learned tops, for `pact`.
    """

    plan: QuantizationPlan
    method: Method
    policy: Numerics
    calibration_samples: int
    range_batches: int
    clip_decay: float


def integer_twin(graph: Graph, x: Array, training: IntegerTraining) -> IntegerTwin:
    """Return `graph`, its batch norms folded, as a module that computes with integers.

    Args:
        graph: Float; integer weights that are decoded stay as they are.
        x: Inputs [samples, ...] to observe.
        training: How.

    Raises:
        RecipeError: The graph holds other integers, or constants beyond float32 scales.
    """
    if training.plan.activations.bits == REAL_BITS:
        return _between_reals(fused(graph), training)
    graph = without_batch_norm(fused(graph))
    require_moderate(graph)
    graph, bits = with_signs(graph, training.plan.activations.widths_of(graph), ())
    require_one_kind(graph, bits)
    encodings = training.plan.weights.encodings(graph, max(bits.values()))
    activations = _activations(graph, x[: training.calibration_samples], bits, training)
    scales = _weight_scales(graph, encodings, training)
    return IntegerTwin(graph, encodings, scales, activations, training.policy)


def _between_reals(graph: Graph, training: IntegerTraining) -> IntegerTwin:
    encodings = training.plan.weights.encodings(graph, REAL_BITS)
    scales = _weight_scales(graph, encodings, training)
    return IntegerTwin(graph, encodings, scales, None, training.policy)


def _activations(
    graph: Graph, x: Array, bits: dict[str, int], training: IntegerTraining
) -> Activations:
    observation = training.plan.observation
    encoding = ActivationEncoding(bits=bits, is_symmetric=observation.is_symmetric)
    ranges = observe(graph, x, observation, bits)
    require_both_signs(graph, ranges, bits)
    if training.method == "lsq":
        return LearnedSteps(graph, ranges, encoding)
    if training.method == "pact":
        return LearnedClips(graph, ranges, encoding, training.clip_decay)
    return Followed(graph, ranges, encoding, observation, training.range_batches)


def _weight_scales(
    graph: Graph, encodings: dict[str, LayerEncoding], training: IntegerTraining
) -> WeightScales:
    schemes = {name: encoding.scheme for name, encoding in encodings.items()}
    if training.method != "lsq":
        return FollowingScales(schemes)
    return LearnedScales(schemes, least_error_quants(graph, training.plan.weights), is_held=False)


def least_error_quants(graph: Graph, plan: WeightPlan) -> dict[str, Quant]:
    """Return encodings of least squared error of the layers whose weights are reals, by node."""
    settings = replace(plan.settings, clip="mse")
    best = replace(plan, settings=settings).encodings(graph, REAL_BITS)
    return {
        node.name: best[node.name].scheme.quant(node.op.weight.matrix.astype(float))
        for node in graph.nodes
        if isinstance(node.op, Layer) and node.op.weight.quant is None
    }


def train_integers(
    graph: Graph, data: Data, training: IntegerTraining, course: Course, watcher: Watcher
) -> Graph:
    """Return the integer graph of `graph`, trained on cross entropy of its logits.

    Equal seeds give equal graphs; torch's global random state is neither read nor changed.

    Args:
        graph: Float; left as it is.
        data: With labels.
        training: How integers come in.
        course: How long, how fast.
        watcher: Told of every epoch.

    Raises:
        RecipeError: The graph holds integers, labels are missing or no classes of it, or the
            training diverged.
        UnsupportedError: The policy has no integer form of some op.
    """
    x = stacked(graph, data.x)
    twin = integer_twin(graph, x, training)
    # Inputs become codes in the type in which they come, as at run time.
    fit(twin, torch.tensor(x), data, course, watcher, twin.penalty)
    return twin.graph()
