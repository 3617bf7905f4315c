"""Evaluate: the straight line through the house."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from hwsim.activations import activations_of, with_noted
from hwsim.cost import count, price
from hwsim.detail import detail_of
from hwsim.execute import accuracy
from hwsim.lower import lower
from hwsim.overflow import count_overflows
from hwsim.profile import load_profile
from hwsim.records import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.activations import Activations
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.numerics import Numerics
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program
    from hwsim.records import Accuracy, Counts, Estimate, Overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What an estimate was made of.

    Attributes:
        program: What runs; reasons say what is known of activations.
        counts: One record per step.
        activations: Which are zero; None where nobody looked.
        estimate: What it costs.
    """

    program: Program
    counts: tuple[Counts, ...]
    activations: Activations | None
    estimate: Estimate


Finish: TypeAlias = "Callable[[Result, Priced], Result]"
"""What is done to a result before it leaves: `bare` or `detailed`."""


def priced(graph: Graph, device: DeviceProfile, activations: Data | None = None) -> Priced:
    """Return the estimate of one inference, and what it was made of.

    Args:
        graph: See `estimate`.
        device: See `estimate`.
        activations: See `estimate`.

    Raises:
        UnsupportedError: See `estimate`.
        DataError: See `estimate`.
    """
    program = lower(graph, device)
    seen = activations_of(program, activations)
    noted, counts = with_noted(program, seen), count(program, seen)
    return Priced(program=noted, counts=counts, activations=seen, estimate=price(noted, counts))


def bare(result: Result, made_of: Priced) -> Result:
    """Return the result as it is: figures are all that is asked for."""
    del made_of
    return result


def detailed(result: Result, made_of: Priced) -> Result:
    """Return the result with what a page shows beside its figures."""
    program, counts, seen = made_of.program, made_of.counts, made_of.activations
    detail = detail_of(program, counts, made_of.estimate, seen, laid=result.overrides)
    return replace(result, detail=detail)


def estimate(graph: Graph, device: DeviceProfile, activations: Data | None = None) -> Estimate:
    """Return latency, energy and memory of one inference.

    Args:
        graph: The model.
        device: Where it runs.
        activations: Inputs whose activations show which are zero, where the device's kernels look
            at that: the first few samples are run. Without, no activation counts as zero.

    Raises:
        UnsupportedError: The device cannot run some node; the message names it.
        DataError: `activations` does not fit the model.
    """
    return priced(graph, device, activations).estimate


def evaluate(
    graph: Graph,
    device: DeviceProfile | str,
    data: Data | None = None,
    *,
    recipe: str = "none",
    overrides: tuple[str, ...] = (),
) -> Result:
    """Return what `graph` costs on `device`, and how right its integers are there.

    Args:
        graph: The model, compressed already.
        device: From `hwsim.device`, or a profile's name.
        data: Samples: they show which activations are zero; labelled ones also the accuracy under
            the device's own rounding.
        recipe: How the graph was compressed, for reports.
        overrides: What was laid over the profile, for reports.

    Raises:
        UnsupportedError: The device cannot run some node; the message names it.
        DataError: `data` does not fit the model.
        ProfileError: There is no profile of that name.
    """
    profile = load_profile(device) if isinstance(device, str) else device
    cost = estimate(graph, profile, data)
    measured = measure(graph, data, profile.numerics.resolve())
    return result_of(graph, profile, cost, measured, recipe=recipe, overrides=overrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run over labelled samples shows; nothing where there are none.

    Attributes:
        accuracy: None without labels.
        overflows: Steps whose sums overflow.
    """

    accuracy: Accuracy | None = None
    overflows: tuple[Overflow, ...] = ()


def measure(graph: Graph, data: Data | None, numerics: Numerics) -> Measured:
    """Return how right `graph` is under `numerics`, and which sums overflow there.

    Raises:
        DataError: `data` does not fit the model.
        UnsupportedError: An op has no integer form.
    """
    if data is None or data.y is None:
        return Measured()
    return Measured(
        accuracy=accuracy(graph, data, numerics),
        overflows=count_overflows(graph, data.x, numerics),
    )


def result_of(
    graph: Graph,
    device: DeviceProfile,
    cost: Estimate,
    measured: Measured,
    *,
    recipe: str,
    overrides: tuple[str, ...],
) -> Result:
    """Return the record of one cell."""
    return Result(
        model=graph.name,
        recipe=recipe,
        device=device.name,
        device_class=device.device_class,
        runtime=runtime_of(device),
        overrides=overrides,
        profile_sha256=device.sha256,
        is_calibrated=cost.is_backed,
        numerics=device.numerics.resolve().name,
        estimate=cost,
        accuracy=measured.accuracy,
        overflows=measured.overflows,
    )


def runtime_of(device: DeviceProfile) -> str:
    """Return the runtime's name, and its version where the profile knows one."""
    name, version = device.runtime.name, device.runtime.version
    return name if version == "unknown" else f"{name} {version}"
