"""What a search asks of devices: figures of a graph, and a price for recipes that ask for one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from hwsim.evaluation import measure, priced, result_of
from hwsim.row import latency_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.data import Data
    from hwsim.evaluation import Priced
    from hwsim.graph import Graph
    from hwsim.records import Result
    from hwsim.row import Price, Target

Judge: TypeAlias = "Callable[[Graph], tuple[Judged, ...]]"
"""A graph to what it costs and how right it is, on every device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A graph on one device.

    Attributes:
        result: What it costs and how right it is.
        made_of: What the estimate was made of, for details.
    """

    result: Result
    made_of: Priced


def judge_on(targets: Sequence[Target], data: Data | None) -> Judge:
    """Return what judges a graph on all targets; devices that round alike share one run.

    It raises UnsupportedError where one of the devices cannot run the graph.

    Args:
        targets: At least one.
        data: Samples that judge; labelled ones the accuracy too.
    """

    def judge(graph: Graph) -> tuple[Judged, ...]:
        # Prices take milliseconds, runs over the data seconds: what is refused is refused first.
        made = [priced(graph, target.profile, data) for target in targets]
        measured_under = cache(partial(measure, graph, data))
        return tuple(
            Judged(
                result=result_of(
                    graph,
                    target.profile,
                    made_of.estimate,
                    measured_under(target.profile.numerics.resolve()),
                    recipe="none",
                    overrides=target.overrides,
                ),
                made_of=made_of,
            )
            for target, made_of in zip(targets, made, strict=True)
        )

    return judge


def price_on(targets: Sequence[Target]) -> Price:
    """Return the geometric mean of the latencies of a graph on all targets, in seconds."""
    prices = [latency_on(target.profile) for target in targets]
    if len(prices) == 1:
        return prices[0]
    return lambda graph: math.exp(
        math.fsum(math.log(price(graph)) for price in prices) / len(prices)
    )
