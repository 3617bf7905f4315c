"""A session: every layer and network of a plan, measured on this host by one runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from hwsim.calibrate.layers import TYPES, Layer
from hwsim.calibrate.measure import measure
from hwsim.calibrate.networks import whole_network
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.sample import Sample
from hwsim.errors import HwsimError, MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hwsim.calibrate.layers import Plan
    from hwsim.calibrate.measure import Clock, Effort, Timing
    from hwsim.calibrate.runtimes import HostRuntime, Once
    from hwsim.graph import Graph

_TINY: Final = tuple(Layer(kind="tanh", types=types, size=2, channels=8, out=8) for types in TYPES)
_IN_A_ROW: Final = 9
# Square layers whose kernels may want another order of axes than the model's ends have.
_EDGED: Final = tuple(
    Layer(kind="pointwise_conv2d", types="f32", size=size, channels=channels, out=channels)
    for size, channels in ((7, 256), (14, 128), (28, 64), (28, 16))
)
_EDGED_IN_A_ROW: Final = 3
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
        networks: Networks to judge by.
        inference_cycles: What an inference costs beside its layers.
        edge_cycles: What each element costs that enters or leaves the model in another order of
            axes than its f32 layers of images have.
        rate_hz: Of the core, in the median.
        disturbed: Names of layers and networks of which no sample was clean.
    """

    training: tuple[Sample, ...]
    held_out: tuple[Sample, ...]
    networks: tuple[Network, ...]
    inference_cycles: float
    edge_cycles: float
    rate_hz: float
    disturbed: tuple[str, ...]

    @property
    def samples(self) -> int:
        """Clean samples of layers."""
        return sum(sample.samples for sample in (*self.training, *self.held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A graph that is ready to run.

    Attributes:
        name: For people.
        types: Of activations and weights.
        graph: What runs.
        once: Runs it.
        layer: The one that it is made of; None in a network.
        in_a_row: How often; 0 where it is a layer of the plan.
    """

    name: str
    types: str
    graph: Graph
    once: Once
    layer: Layer | None = None
    in_a_row: int = 0


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
    jobs = [
        *_in_a_row(runtime, _TINY, _IN_A_ROW, threads),
        *_in_a_row(runtime, _EDGED, _EDGED_IN_A_ROW, threads),
        *_layers(runtime, plan, threads),
        *_networks(runtime, networks, threads),
    ]
    on_ready(len(jobs))
    timings = measure([job.once for job in jobs], rng, clock, effort)
    timed = [(job, timing) for job, timing in zip(jobs, timings, strict=True) if timing.samples]
    if len(timed) < _LEAST_CLEAN * len(jobs):
        raise MeasurementError(
            f"this host is too busy: expected undisturbed samples of {_LEAST_CLEAN:.0%} of "
            f"{len(jobs)} layers, got {len(timed)}; end what else runs, or give --patience more"
        )
    rows = {(job.layer, job.in_a_row): timing.cycles for job, timing in timed if job.in_a_row}
    inference = _inference_cycles(rows)
    edge = _edge_cycles(rows, inference)
    by_layer = {j.layer: (j, t) for j, t in timed if j.layer is not None and not j.in_a_row}
    names = {id(job) for job, _ in timed}
    return Session(
        training=_samples(plan.training, by_layer, inference, edge),
        held_out=_samples(plan.held_out, by_layer, inference, edge),
        networks=tuple(
            Network(name=job.name, types=job.types, graph=job.graph, cycles=timing.cycles)
            for job, timing in timed
            if job.layer is None
        ),
        inference_cycles=inference,
        edge_cycles=edge,
        rate_hz=float(np.median([timing.rate_hz for _, timing in timed])),
        disturbed=tuple(job.name for job in jobs if id(job) not in names),
    )


def _in_a_row(
    runtime: HostRuntime, layers: Sequence[Layer], most: int, threads: int
) -> Iterator[_Job]:
    for layer in layers:
        for in_a_row in (1, most):
            graph = graph_of(layer, in_a_row)
            yield _Job(
                name=f"{in_a_row} {layer.name}", types=layer.types, graph=graph,
                once=runtime.prepare(graph, threads), layer=layer, in_a_row=in_a_row,
            )  # fmt: skip


def _layers(runtime: HostRuntime, plan: Plan, threads: int) -> Iterator[_Job]:
    for layer in (*plan.training, *plan.held_out):
        graph = graph_of(layer)
        yield _Job(
            name=layer.name, types=layer.types, graph=graph,
            once=runtime.prepare(graph, threads), layer=layer,
        )  # fmt: skip


def _networks(runtime: HostRuntime, names: Sequence[str], threads: int) -> Iterator[_Job]:
    for name in names:
        for types in TYPES:
            graph = whole_network(name, types)
            try:
                once = runtime.prepare(graph, threads)
            except HwsimError:
                continue  # Its file format cannot hold this network.
            yield _Job(name=name, types=types, graph=graph, once=once)


_Rows: TypeAlias = "Mapping[tuple[Layer | None, int], float]"


def _inference_cycles(rows: _Rows) -> float:
    """Return what an inference costs beside its layers: a tiny layer less its share of many.

    Raises:
        MeasurementError: No tiny layer was measured both alone and in a row.
    """
    found = _beside(rows, _TINY, _IN_A_ROW)
    if not found:
        raise MeasurementError(
            "this host is too busy: expected undisturbed samples of a tiny layer, got none; "
            "end what else runs, or give --patience more"
        )
    return max(0.0, float(np.mean(found)))


def _edge_cycles(rows: _Rows, inference: float) -> float:
    """Return cycles per element of the model's ends, in the median of some layers; 0 if unknown."""
    measured = [layer for layer in _EDGED if (layer, 1) in rows]
    per_element = [
        (beside - inference) / (layer.size**2 * layer.channels + layer.outputs)
        for layer in measured
        for beside in _beside(rows, (layer,), _EDGED_IN_A_ROW)
    ]
    return max(0.0, float(np.median(per_element))) if per_element else 0.0


def _beside(rows: _Rows, layers: Sequence[Layer], most: int) -> list[float]:
    """Return what one layer costs more than each of `most` in a row, by layer measured as both."""
    return [
        rows[layer, 1] - (rows[layer, most] - rows[layer, 1]) / (most - 1)
        for layer in layers
        if {(layer, 1), (layer, most)} <= rows.keys()
    ]


def _samples(
    layers: Sequence[Layer],
    timed: Mapping[Layer, tuple[_Job, Timing]],
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
