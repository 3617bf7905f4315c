"""A session: every layer and network of a plan, measured on this host by one runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
        rate_hz: Of the core, in the median.
        disturbed: Names of layers and networks of which no sample was clean.
    """

    training: tuple[Sample, ...]
    held_out: tuple[Sample, ...]
    networks: tuple[Network, ...]
    inference_cycles: float
    rate_hz: float
    disturbed: tuple[str, ...]

    @property
    def samples(self) -> int:
        """Clean samples of layers."""
        return sum(sample.samples for sample in (*self.training, *self.held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A graph that is ready to run; a layer where it is one, how many in a row where it is tiny."""

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
    jobs = [*_tiny(runtime, threads), *_layers(runtime, plan, threads)]
    jobs += _networks(runtime, networks, threads)
    on_ready(len(jobs))
    timings = measure([job.once for job in jobs], rng, clock, effort)
    timed = [(job, timing) for job, timing in zip(jobs, timings, strict=True) if timing.samples]
    if len(timed) < _LEAST_CLEAN * len(jobs):
        raise MeasurementError(
            f"this host is too busy: expected undisturbed samples of {_LEAST_CLEAN:.0%} of "
            f"{len(jobs)} layers, got {len(timed)}; end what else runs, or give --patience more"
        )
    overhead = _overhead({(j.types, j.in_a_row): t.cycles for j, t in timed if j.in_a_row})
    by_layer = {job.layer: (job, timing) for job, timing in timed if job.layer is not None}
    names = {id(job) for job, _ in timed}
    return Session(
        training=_samples(plan.training, by_layer, overhead),
        held_out=_samples(plan.held_out, by_layer, overhead),
        networks=tuple(
            Network(name=job.name, types=job.types, graph=job.graph, cycles=timing.cycles)
            for job, timing in timed
            if job.layer is None and not job.in_a_row
        ),
        inference_cycles=overhead,
        rate_hz=float(np.median([timing.rate_hz for _, timing in timed])),
        disturbed=tuple(job.name for job in jobs if id(job) not in names),
    )


def _tiny(runtime: HostRuntime, threads: int) -> Iterator[_Job]:
    for layer in _TINY:
        for in_a_row in (1, _IN_A_ROW):
            graph = graph_of(layer, in_a_row)
            yield _Job(
                name=f"{in_a_row} {layer.name}", types=layer.types, graph=graph,
                once=runtime.prepare(graph, threads), in_a_row=in_a_row,
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


def _overhead(cycles: Mapping[tuple[str, int], float]) -> float:
    """Return what an inference costs beside its layers: one layer less a ninth of nine.

    The mean over the types of which both were measured.

    Raises:
        MeasurementError: None were.
    """
    found = [
        cycles[types, 1] - (cycles[types, _IN_A_ROW] - cycles[types, 1]) / (_IN_A_ROW - 1)
        for types in TYPES
        if {(types, 1), (types, _IN_A_ROW)} <= cycles.keys()
    ]
    if not found:
        raise MeasurementError(
            "this host is too busy: expected undisturbed samples of a tiny layer, got none; "
            "end what else runs, or give --patience more"
        )
    return max(0.0, float(np.mean(found)))


def _samples(
    layers: Sequence[Layer], timed: Mapping[Layer, tuple[_Job, Timing]], overhead: float
) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            layer=layer,
            graph=timed[layer][0].graph,
            cycles=max(timed[layer][1].cycles - overhead, 1.0),
            inference_cycles=overhead,
            samples=timed[layer][1].samples,
        )
        for layer in layers
        if layer in timed
    )
