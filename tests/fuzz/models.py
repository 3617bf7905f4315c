"""Small files of every model format, made by our own writers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hwsim.errors import HwsimError
from hwsim.graph import Graph, Node, validate
from hwsim.interchange import save
from tests import graphs
from tests.cases import CASES, Case

WHOLE = (
    graphs.mlp,
    graphs.residual,
    graphs.separable,
    graphs.grouped,
    graphs.concatenated,
    graphs.gated,
    graphs.attention,
    graphs.decoder,
)


def graph_of(case: Case) -> Graph:
    """Return the graph of the op of `case` alone."""
    inputs = tuple(f"x{i}" for i in range(len(case.inputs)))
    outputs = tuple(f"y{i}" for i in range(len(case.outputs)))
    tensors = dict(zip((*inputs, *outputs), (*case.inputs, *case.outputs), strict=True))
    node = Node(name="op", op=case.op, inputs=inputs, outputs=outputs)
    return validate(
        Graph(name="net", inputs=inputs, outputs=outputs, tensors=tensors, nodes=(node,))
    )


def written(suffix: str, *styles: str | None, but: frozenset[str] = frozenset()) -> Iterator[bytes]:
    """Give the files of all small graphs that this format holds, in each style.

    Args:
        suffix: Of the format.
        styles: Of the format; its own default where none is named.
        but: Cases to leave out.
    """
    made = [graph_of(case) for name, case in CASES.items() if name not in but]
    yield from _files([*made, *(make() for make in WHOLE)], suffix, *styles)


def written_of(cases: frozenset[str], suffix: str, *styles: str | None) -> Iterator[bytes]:
    """Give the files of these cases alone, as `written`."""
    yield from _files([graph_of(CASES[name]) for name in sorted(cases)], suffix, *styles)


def _files(made: list[Graph], suffix: str, *styles: str | None) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m{suffix}"
        for graph in made:
            for style in styles or (None,):
                try:
                    save(graph, path, style)
                except HwsimError:
                    continue  # Not every format holds every op.
                yield path.read_bytes()
