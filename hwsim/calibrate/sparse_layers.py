"""Layers with zeros: which are measured, and the patterns of their weights."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.calibrate.layers import (
    Layer,
    Plan,
    draw_conv,
    draw_linear,
    draw_pointwise,
    is_fit,
)
from hwsim.formats import NM, Block
from hwsim.formats.find import find_format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.arrays import IntArray, Shape

RUNGS: Final = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)
"""Of a ladder."""

_LADDERS: Final = (
    Layer(kind="conv2d", types="8x8", size=32, channels=64, out=64, kernel=3),
    Layer(kind="conv2d", types="8x8", size=14, channels=128, out=256, kernel=3),
    Layer(kind="pointwise_conv2d", types="8x8", size=14, channels=256, out=256),
    Layer(kind="conv2d", types="8x8", size=7, channels=512, out=512, kernel=3),
)
_LEAST_DEPTH: Final = 64
_LEAST_SPARSITY, _MOST_SPARSITY = 0.4, 0.98
# Of each kind and format: trained on, held out.
_DRAWS: Final[tuple[tuple[Callable[[np.random.Generator], Layer], int, int], ...]] = (
    (draw_conv, 20, 6),
    (draw_pointwise, 20, 6),
    (draw_linear, 8, 3),
)


def with_sparse(plan: Plan, formats: Sequence[str], seed: int, share: float = 1.0) -> Plan:
    """Return a plan to which layers of 8-bit weights in sparse formats are added, and ladders.

    Args:
        plan: Of dense layers.
        formats: To store them in; where there are none, the plan is as it was.
        seed: The same gives the same layers.
        share: Of all of them, > 0; at least one of each kind and format is trained and held out.
    """
    rng = np.random.default_rng((seed, len(formats)))
    training, held_out = list(plan.training), list(plan.held_out)
    judged = {(layer.kind, layer.size, layer.channels, layer.out) for layer in _LADDERS}
    for name in formats:
        for draw, trained, tested in _DRAWS:
            counts = [max(1, round(share * count)) for count in (trained, tested)]
            layers: dict[Layer, None] = {}
            while len(layers) < sum(counts):
                layer = draw(rng)
                shape = (layer.kind, layer.size, layer.channels, layer.out)
                is_shallow = layer.channels * layer.kernel**2 < _LEAST_DEPTH
                # Blocks are of neighbouring channels, which must not end within one.
                if is_shallow or layer.channels % 4 or shape in judged:
                    continue
                sparse = replace(layer, types="8x8", format=name, sparsity=_sparsity(name, rng))
                if is_fit(sparse):
                    layers[sparse] = None
            training += list(layers)[: counts[0]]
            held_out += list(layers)[counts[0] :]
    ladders = [
        replace(shape, format=name, sparsity=rung)
        for shape in _LADDERS
        for name in formats
        for rung in (RUNGS if _fixed(name) is None else ())
    ]
    return replace(
        plan,
        training=tuple(training),
        held_out=tuple(held_out),
        ladders=(*_LADDERS, *ladders) if formats else (),
    )


def _fixed(name: str) -> float | None:
    """Return the sparsity that a format says itself."""
    format_ = find_format(name)
    return 1.0 - format_.n / format_.m if isinstance(format_, NM) else None


def _sparsity(name: str, rng: np.random.Generator) -> float:
    fixed = _fixed(name)
    # Denser in the upper half, where formats pay.
    drawn = _LEAST_SPARSITY + (_MOST_SPARSITY - _LEAST_SPARSITY) * float(rng.random()) ** 0.5
    return round(drawn, 2) if fixed is None else fixed


def weights_of(layer: Layer, shape: Shape) -> IntArray:
    """Return int8 weights [out, ...] of which `layer.sparsity` are zero, as its format wants them.

    The same layer has the same weights.
    """
    rng = np.random.default_rng(zlib.crc32(layer.name.encode()))
    rows, columns = shape[0], int(np.prod(shape[1:]))
    codes = rng.integers(1, 128, (rows, columns)) * rng.choice((-1, 1), (rows, columns))
    return np.where(_kept(layer, rows, columns, rng), codes, 0).astype(np.int8).reshape(shape)


def _kept(
    layer: Layer, rows: int, columns: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    format_ = find_format(layer.format)
    if isinstance(format_, NM):
        groups = rng.random((rows, -(-columns // format_.m), format_.m))
        ranks = groups.argsort(axis=2).argsort(axis=2)
        return (ranks < format_.n).reshape(rows, -1)[:, :columns]
    high, wide = (format_.rows, format_.columns) if isinstance(format_, Block) else (1, 1)
    tiles = (-(-rows // high), -(-columns // wide))
    kept = np.zeros(tiles[0] * tiles[1], np.bool_)
    kept[: round((1.0 - layer.sparsity) * kept.size)] = True
    blocks = rng.permutation(kept).reshape(tiles)
    return blocks.repeat(high, axis=0).repeat(wide, axis=1)[:rows, :columns]
