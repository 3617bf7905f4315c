"""A session: every layer and network of a plan, measured on this host by one runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.calibrate.beside import (
    EDGED,
    EDGED_IN_A_ROW,
    IN_A_ROW,
    TINY,
    edge_cycles,
    inference_cycles,
)
from hwsim.calibrate.jobs import Job, jobs_in_a_row, layer_jobs, network_jobs
from hwsim.calibrate.measure import measure
from hwsim.calibrate.sample import Sample
from hwsim.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hwsim.calibrate.layers import Layer, Plan
    from hwsim.calibrate.measure import Clock, Effort, Timing
    from hwsim.calibrate.runtimes import HostRuntime
    from hwsim.graph import Graph

_REARRANGED: Final = (
    "average_pool2d", "conv2d", "depthwise_conv2d", "max_pool2d", "pointwise_conv2d",
)  # fmt: skip
# Below this share of undisturbed layers, constants would be fitted to whatever else ran.
_LEAST_CLEAN = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One measured network.

    Attributes:
        name: Of the table.
        types: Of activations and weights.
        graph: As it ran.
        cycles: Of an inference.
    """

    name: str
    types: str
    graph: Graph
    cycles: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What was measured.

    Attributes:
        training: Layers to fit to.
        held_out: Layers to judge by.
        ladders: Layers of equal shape, dense and ever sparser.
        networks: Networks to judge by.
        inference_cycles: What an inference costs beside its layers.
        edge_cycles: What each element costs that enters or leaves the model in another order of
            axes than its f32 layers of images have.
        rate_hz: Of the core, in the median.
        disturbed: Names of layers and networks of which nothing could be told.
        crowded: Those of which no sample was clean, and the least disturbed stands in.
    """

    training: tuple[Sample, ...]
    held_out: tuple[Sample, ...]
    ladders: tuple[Sample, ...] = ()
    networks: tuple[Network, ...]
    inference_cycles: float
    edge_cycles: float
    rate_hz: float
    disturbed: tuple[str, ...]
    crowded: tuple[str, ...]

    @property
    def samples(self) -> int:
        """Clean samples of layers."""
        return sum(sample.samples for sample in (*self.training, *self.held_out))


def run_session(
    runtime: HostRuntime,
    plan: Plan,
    networks: Sequence[str],
    *,
    threads: int,
    rng: np.random.Generator,
    clock: Clock,
    effort: Effort,
    on_ready: Callable[[int], None] = lambda _: None,
) -> Session:
    """Return what `runtime` takes for the layers of a plan and for whole networks.

    Args:
        runtime: What runs them.
        plan: The layers.
        networks: Of `hwsim.calibrate.networks.NETWORKS`.
        threads: Of the runtime.
        rng: Draws the order of each round.
        clock: What tells the time.
        effort: How long to try.
        on_ready: Told how many graphs are about to be measured.

    Raises:
        MeasurementError: Others kept the core from running them undisturbed.
        UnsupportedError: The runtime's package is missing.
    """
    tiny, edged = ([x for x in layers if x.types in runtime.types] for layers in (TINY, EDGED))
    jobs = [
        *jobs_in_a_row(runtime, tiny, IN_A_ROW, threads),
        *jobs_in_a_row(runtime, edged, EDGED_IN_A_ROW, threads),
        *layer_jobs(runtime, plan, threads),
        *network_jobs(runtime, networks, threads),
    ]
    on_ready(len(jobs))
    timings = measure([job.once for job in jobs], rng, clock, effort)
    timed = [(job, timing) for job, timing in zip(jobs, timings, strict=True) if timing.samples]
    if len(timed) < _LEAST_CLEAN * len(jobs):
        raise MeasurementError(
            f"this host is too busy: expected bearable samples of {_LEAST_CLEAN:.0%} of "
            f"{len(jobs)} layers, got {len(timed)}; end what else runs, or give --patience more"
        )
    rows = {(job.layer, job.in_a_row): timing.cycles for job, timing in timed if job.in_a_row}
    inference = inference_cycles(rows)
    edge = edge_cycles(rows, inference)
    by_layer = {j.layer: (j, t) for j, t in timed if j.layer is not None and not j.in_a_row}
    names = {id(job) for job, _ in timed}
    return Session(
        training=_samples(plan.training, by_layer, inference, edge),
        held_out=_samples(plan.held_out, by_layer, inference, edge),
        ladders=_samples(plan.ladders, by_layer, inference, edge),
        networks=tuple(
            Network(name=job.name, types=job.types, graph=job.graph, cycles=timing.cycles)
            for job, timing in timed
            if job.layer is None
        ),
        inference_cycles=inference,
        edge_cycles=edge,
        rate_hz=float(np.median([timing.rate_hz for _, timing in timed])),
        disturbed=tuple(job.name for job in jobs if id(job) not in names),
        crowded=tuple(job.name for job, timing in timed if not timing.is_clean),
    )


def _samples(
    layers: Sequence[Layer],
    timed: Mapping[Layer, tuple[Job, Timing]],
    inference: float,
    edge: float,
) -> tuple[Sample, ...]:
    samples: list[Sample] = []
    for layer in layers:
        if layer in timed:
            job, timing = timed[layer]
            beside = inference + _edges(layer) * edge
            samples.append(
                Sample(
                    layer=layer,
                    graph=job.graph,
                    cycles=max(timing.cycles - beside, _LEAST_CYCLES),
                    beside_cycles=beside,
                    samples=timing.samples,
                )
            )
    return tuple(samples)


def _edges(layer: Layer) -> int:
    """Return the elements that a model of this layer alone rearranges."""
    if layer.types != "f32" or layer.kind not in _REARRANGED:
        return 0
    return layer.size**2 * layer.channels + layer.outputs


# What is left of a layer that is hardly more than what stands beside it.
_LEAST_CYCLES = 20.0
