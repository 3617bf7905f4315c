"""Real pairs: every graph, dense and compressed in many ways, on devices that differ."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import compressors
from hwsim.data import Data
from hwsim.errors import HwsimError, UnsupportedError
from hwsim.evaluation import Measured, estimate, result_of
from hwsim.profile import device
from tests import graphs
from tests.devices import unlike
from tests.graphs import samples

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Result

RECIPES = (
    "prune{structure=unstructured,sparsity=0.9}|quantize{weights=8}",
    "prune{structure=unstructured,sparsity=0.7,format=csr}|quantize{weights=8}",
    "prune{structure=unstructured,sparsity=0.7,format=dense}|quantize{weights=8}",
    "prune{structure=2:4}|quantize{weights=8}",
    "prune{structure=block2x2,sparsity=0.5}|quantize{weights=8}",
    "prune{structure=filter,sparsity=0.4}|compact|quantize{weights=8}",
    "quantize{weights=8}",
    "quantize{weights=4}",
    "factorize{method=tucker2,ratio=0.6}|quantize{weights=8}",
    "share{clusters=8}|encode{format=huffman}|quantize{weights=8}",
    "none",
)


DEVICES = unlike()


@cache
def profile(name: str) -> DeviceProfile:
    return device(name)


@cache
def compressed(graph: str, recipe: str) -> Graph | None:
    """Return a graph so compressed; None where the recipe takes no such graph."""
    made: Graph = getattr(graphs, graph)()
    try:
        return compressors.parse(recipe).apply(made, Data(x=samples(made, 4)))
    except HwsimError:
        return None


@cache
def result_on(graph: str, recipe: str, name: str) -> Result | None:
    """Return the result on a shipped device; None where it runs no such model."""
    made = compressed(graph, recipe)
    try:
        return None if made is None else priced(made, profile(name), recipe)
    except UnsupportedError:
        return None


def priced(graph: Graph, profile: DeviceProfile, recipe: str = "none") -> Result:
    """Return what a graph costs on a device."""
    found = estimate(graph, profile)
    return result_of(graph, profile, found, Measured(), recipe=recipe, overrides=())
