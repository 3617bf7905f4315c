"""The step removes what `hwsim.channels` finds, and leaves its input as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compressors import parse
from hwsim.channels import without_dead
from hwsim.graph import Graph
from tests.dead import with_zeros
from tests.graphs import GRAPHS


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_dead_channels_go(build: Callable[[], Graph]) -> None:
    graph = with_zeros(build(), 1)
    text = graph.to_text()
    compact = parse("compact").apply(graph)
    assert graph.to_text() == text
    assert compact.to_text() == without_dead(graph).to_text() != text
