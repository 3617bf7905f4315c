"""Storage: the formats in which a device's kernels take a pattern of zeros as it lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError
from hwsim.formats import NM, Dense
from hwsim.formats.find import find_format

if TYPE_CHECKING:
    from collections.abc import Collection

    from hwsim.formats import Format
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile


def sparse_formats(profile: DeviceProfile, pattern: NM | None) -> tuple[Format, ...]:
    """Return the formats that some kernel of a device takes as they lie, dense aside.

    Formats that pay because few values recur need more than zeros, and an N:M format holds only
    what was pruned to such a pattern.

    Args:
        profile: The device.
        pattern: What they were pruned to; None for any other structure.
    """
    found = [find_format(name) for name in profile.runtime.native_formats]
    return tuple(
        each
        for each in found
        if not isinstance(each, Dense)
        and not each.shares_values
        and (not isinstance(each, NM) or (pattern is not None and _holds(each, pattern)))
    )


def _holds(format_: NM, pattern: NM) -> bool:
    """Return whether whatever follows `pattern` fits the format: 2:4 fits 2:4 and 4:8."""
    groups, rest = divmod(format_.m, pattern.m)
    return rest == 0 and format_.n >= min(pattern.n * groups, format_.m)


def sparse_layers(graph: Graph) -> tuple[str, ...]:
    """Return the names of layers whose weights lie in one format that is there for its zeros."""
    return tuple(
        name
        for name, op in layers_of(graph).items()
        if not isinstance(op.weight.format, Dense) and not op.weight.format.shares_values
    )


def stored_as(graph: Graph, layers: Collection[str], format_: Format) -> Graph | None:
    """Return `graph` with the weights of `layers` in another format; None where one does not fit.

    The codes are the same, and so is what it computes.
    """
    ops = layers_of(graph)
    made = {
        name: replace(ops[name], weight=replace(ops[name].weight, format=format_))
        for name in layers
    }
    try:
        # Bytes that are priced later are encoded now, where it can still be said.
        _ = [op.weight.storage_bytes for op in made.values()]
    except FormatError:
        return None
    return graph.with_ops(made)
