"""Jobs: layers and networks that are loaded and ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.calibrate.networks import whole_network
from hwsim.calibrate.one_layer import graph_of
from hwsim.errors import HwsimError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hwsim.calibrate.layers import Layer, Plan
    from hwsim.calibrate.runtimes import HostRuntime, Once
    from hwsim.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
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


def jobs_in_a_row(
    runtime: HostRuntime, layers: Sequence[Layer], most: int, threads: int
) -> Iterator[Job]:
    """Yield each layer alone, and `most` times in a row; it must keep its input's shape."""
    for layer in layers:
        for in_a_row in (1, most):
            graph = graph_of(layer, in_a_row)
            yield Job(
                name=f"{in_a_row} {layer.name}", types=layer.types, graph=graph,
                once=runtime.prepare(graph, threads), layer=layer, in_a_row=in_a_row,
            )  # fmt: skip


def layer_jobs(runtime: HostRuntime, plan: Plan, threads: int) -> Iterator[Job]:
    """Yield every layer of a plan that the runtime has a kernel for, alone."""
    for layer in (*plan.training, *plan.held_out, *plan.ladders):
        graph = graph_of(layer)
        try:
            once = runtime.prepare(graph, threads)
        except UnsupportedError:
            continue  # It has no kernel for this layer, and its profile will have none.
        yield Job(name=layer.name, types=layer.types, graph=graph, once=once, layer=layer)


def network_jobs(runtime: HostRuntime, names: Sequence[str], threads: int) -> Iterator[Job]:
    """Yield networks in all types, those left out that the runtime's files cannot hold."""
    for name in names:
        for types in runtime.types:
            graph = whole_network(name, types)
            try:
                once = runtime.prepare(graph, threads)
            except HwsimError:
                continue  # Its file format cannot hold this network.
            yield Job(name=name, types=types, graph=graph, once=once)
