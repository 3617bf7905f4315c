"""What a search asks of devices: figures of a graph, and a price for recipes that ask for one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from hwsim.activations import activations_of, with_noted
from hwsim.cost import count
from hwsim.detail import detail_of
from hwsim.evaluation import estimate, measure, result_of
from hwsim.lower import lower
from hwsim.row import latency_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.records import Result
    from hwsim.row import Price, Target

Judge: TypeAlias = "Callable[[Graph], tuple[Result, ...]]"
"""A graph to what it costs and how right it is, on every device."""


def judge_on(targets: Sequence[Target], data: Data | None) -> Judge:
    """Return what judges a graph on all targets; devices that round alike share one run.

    It raises UnsupportedError where one of the devices cannot run the graph.

    Args:
        targets: At least one.
        data: Samples that judge; labelled ones the accuracy too.
    """

    def judge(graph: Graph) -> tuple[Result, ...]:
        # Prices take milliseconds, runs over the data seconds: what is refused is refused first.
        priced = [estimate(graph, target.profile, data) for target in targets]
        measured_under = cache(partial(measure, graph, data))
        return tuple(
            result_of(
                graph,
                target.profile,
                price,
                measured_under(target.profile.numerics.resolve()),
                recipe="none",
                overrides=target.overrides,
            )
            for target, price in zip(targets, priced, strict=True)
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


def detailed(result: Result, graph: Graph, target: Target, data: Data | None) -> Result:
    """Return the result with what a page shows beside.

    Args:
        result: Of `graph` on `target`.
        graph: What was judged.
        target: Where.
        data: What judged.
    """
    program = lower(graph, target.profile)
    seen = activations_of(program, data)
    counts = count(program, seen)
    detail = detail_of(with_noted(program, seen), counts, result.estimate, seen)
    return replace(result, detail=detail)
