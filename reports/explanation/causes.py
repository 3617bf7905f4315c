"""What each cause is called, and what it means, for readers who see it for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause


@dataclass(frozen=True, slots=True)
class Named:
    """A cause in words.

    Attributes:
        label: At most 22 characters, so that it fits beside a bar.
        meaning: One sentence.
    """

    label: str
    meaning: str


CAUSES_NAMED: Final[Mapping[Cause, Named]] = {
    "fewer_macs": Named(
        "fewer MACs", "Multiplications with weights that are gone: what the compression promised."
    ),
    "placement": Named(
        "where the cut fell",
        "The cut fell on layers that take less of the time than of the multiplications; it saves "
        "where they take more.",
    ),
    "tiles": Named(
        "rounding up to tiles",
        "The kernel works in tiles or lanes of a fixed size; the last one runs partly empty.",
    ),
    "index": Named(
        "finding weights",
        "Stored weights must be found by an index, and a kernel that does so multiplies slower.",
    ),
    "zero_checks": Named(
        "looking for zeros",
        "Hardware looks for zeros, or sees one and still gives it a slot.",
    ),
    "gathers": Named(
        "scattered reads",
        "Activations are read at looked-up places, which caches do not have at hand.",
    ),
    "imbalance": Named(
        "waiting for the last",
        "Lanes or elements that have fewer weights left wait for the one that has most.",
    ),
    "memory_bound": Named(
        "bytes to move",
        "Bytes of weights and activations do not shrink as the multiplications do.",
    ),
    "unpacking": Named(
        "unpacking weights",
        "Weights are widened or decoded to dense ones before they are multiplied.",
    ),
    "numbers": Named(
        "other numbers",
        "Other types of numbers are multiplied: integers instead of reals, or fewer bits.",
    ),
    "dense_fallback": Named(
        "zeros multiplied",
        "Zeros are stored and multiplied: no kernel takes the format, or none was asked for.",
    ),
    "kernel": Named(
        "another kernel",
        "Another kernel runs the layer: a special one that takes only some shapes is lost or won.",
    ),
    "fusion": Named(
        "layers come or go",
        "Operations that only one of the two models runs as steps of their own.",
    ),
    "layout": Named(
        "rearranging tensors",
        "Tensors are rearranged between kernels that want their axes in another order.",
    ),
    "activations": Named(
        "reading and writing",
        "Reading, gathering into patches and writing activations, which the zeros do not spare.",
    ),
    "overhead": Named(
        "calls and launches",
        "What every call, launch or inference costs, however little is multiplied.",
    ),
}


def label_of(cause: Cause | None) -> str:
    """Return what a cause is called; `rest` for the small ones together."""
    return "rest" if cause is None else CAUSES_NAMED[cause].label
