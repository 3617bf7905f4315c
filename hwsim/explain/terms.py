"""Terms: the cause that each term of a latency stands for, and what it is counted by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Cause

SLOTS: Final[Mapping[str, str]] = {
    "mac": "macs_executed",
    "tile_padding": "macs_padding",
    "imbalance": "macs_idle",
    "gated": "macs_gated",
}
"""Terms of the slots that a kernel spends on a weight, and their counts: see `hwsim.explain.bars`.
"""

COUNTED: Final[Mapping[str, str]] = {
    "im2col": "taps",
    "input": "inputs",
    "output": "outputs",
    "position": "positions",
    "transform": "transforms",
    "call": "calls",
}
"""Terms whose price is another where another kernel runs, and their counts."""

CAUSES_OF_TERMS: Final[Mapping[str, Cause]] = {
    "mac": "kernel",
    "tile_padding": "tiles",
    "imbalance": "imbalance",
    "index": "index",
    "check": "zero_checks",
    "gated": "zero_checks",
    "gather": "gathers",
    "decode": "unpacking",
    "traffic": "memory_bound",
    "weights": "memory_bound",
    "im2col": "activations",
    "input": "activations",
    "output": "activations",
    "position": "activations",
    "transform": "activations",
    "call": "overhead",
    "fork": "overhead",
    "launch": "overhead",
    "inference": "overhead",
    "layout": "layout",
}
"""By what stands before the colon of a term: `traffic:sram` is `traffic`."""

CAUSES_OF_OPS: Final[Mapping[str, Cause]] = {
    "transpose": "layout",
    "reshape": "layout",
    "quantize": "numbers",
    "dequantize": "numbers",
}
"""Ops that only one of two models has and that are no part of what it computes."""


def cause_of(term: str) -> Cause:
    """Return what a term that does not shrink stands for.

    Raises:
        UnsupportedError: Nobody said what this term stands for.
    """
    kind = term.partition(":")[0]
    if kind not in CAUSES_OF_TERMS:
        raise UnsupportedError(
            f"explain: expected a term with a cause ({', '.join(CAUSES_OF_TERMS)}), got {term!r}; "
            "give it one in hwsim/explain/terms.py"
        )
    return CAUSES_OF_TERMS[kind]
