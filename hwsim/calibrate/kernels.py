"""The kernels that a host runtime is taken to have, before anyone measures what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Tile = tuple[int, int, int]
"""Output channels, output positions, depth."""

# Vectors of 8 (AVX2), 16 and 32 (AVX-512) channels by the rows of the micro-kernels in use; depth
# by 4 or 8 where VPDPBUSD sums neighbours.
_GEMM_TILES: Final[tuple[Tile, ...]] = (
    (1, 1, 1),
    (8, 4, 1), (16, 4, 1), (16, 6, 1), (16, 7, 1), (16, 12, 1), (32, 7, 1), (64, 5, 1),
    (16, 4, 4), (16, 7, 4), (16, 7, 8), (16, 10, 8), (48, 6, 4), (64, 4, 4),
)  # fmt: skip
_LANE_TILES: Final[tuple[Tile, ...]] = ((1, 1, 1), (8, 1, 1), (16, 1, 1), (32, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelDraft:
    """One kernel whose prices are to be fitted.

    Attributes:
        name: Without the types.
        ops: Kinds of work.
        terms: Fields of `hwsim.profile.Cycles` that it may need.
        takes: Shapes, as `hwsim.profile.Takes` reads them.
        tiles: Candidates; the one of the least training error is kept.
        formats: How weights that it takes are stored.
        overhang: See `hwsim.profile.Tile`.
    """

    name: str
    ops: tuple[str, ...]
    terms: tuple[str, ...]
    takes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tiles: tuple[Tile, ...] = ((1, 1, 1),)
    formats: tuple[str, ...] = ("dense",)
    overhang: bool = False

    def rule(self, types: str, tile: Tile) -> dict[str, Any]:
        """Return the kernel as a profile writes it, each price under a name."""
        rule: dict[str, Any] = {"ops": list(self.ops), "types": {types: "native"}}
        if self.formats != ("dense",):
            rule["formats"] = dict.fromkeys(self.formats, "native")
        if self.takes:
            rule["takes"] = dict(self.takes)
        if tile != (1, 1, 1):
            rule["tile"] = dict(zip("mnk", tile, strict=True))
            if self.overhang:
                rule["tile"]["overhang"] = True
        name = kernel_name(self.name, types)
        return rule | {"cycles": {term: f"{name}.{term}" for term in self.terms}}


def kernel_name(draft: str, types: str) -> str:
    """Return what a draft's kernel for these types is called."""
    return f"{draft}_{'f32' if types == 'f32' else 's8'}"


_GEMM: Final = ("per_call", "per_mac", "per_output", "per_weight_byte", "per_input")
_CONV: Final = (*_GEMM, "per_tap")
_DEPTHWISE: Final = ("per_call", "per_mac", "per_output", "per_position", "per_input")
# Each of its weights is multiplied once, so that products price their bytes too.
_LINEAR: Final = ("per_call", "per_mac", "per_output", "per_input")
_LIGHT: Final = ("per_call", "per_output", "per_input", "per_position")

_STEM: Final = KernelDraft(
    name="stem", ops=("conv2d",), takes={"channels_in": [1, 4]}, tiles=_GEMM_TILES,
    terms=("per_call", "per_mac", "per_output", "per_tap", "per_position"),
)  # fmt: skip
_LINEAR_DRAFT: Final = KernelDraft(name="linear", ops=("linear",), terms=_LINEAR, tiles=_LANE_TILES)
_LIGHT_DRAFTS: Final = tuple(
    KernelDraft(name=kind, ops=(kind,), terms=_LIGHT)
    for kind in (
        "add", "average_pool2d", "concat", "hard_swish", "logistic", "max_pool2d", "mean", "mul",
        "relu", "softmax", "tanh",
    )
)  # fmt: skip


def _pools(suffix: str = "", **takes: Any) -> tuple[KernelDraft, ...]:
    """Return kernels of the usual windows, which are written one by one."""
    return tuple(
        KernelDraft(
            name=f"{kind}_{side}x{side}{suffix}", ops=(kind,), terms=_LIGHT,
            takes={"windows": [[side, side]], **takes},
        )
        for kind in ("average_pool2d", "max_pool2d") for side in (2, 3)
    )  # fmt: skip


LITERT_DRAFTS: Final = (
    _STEM,
    KernelDraft(name="conv", ops=("conv2d",), terms=_CONV, tiles=_GEMM_TILES),
    KernelDraft(name="pointwise", ops=("pointwise_conv2d",), terms=_GEMM, tiles=_GEMM_TILES),
    _LINEAR_DRAFT,
    *(
        KernelDraft(
            name=f"depthwise_{side}x{side}", ops=("depthwise_conv2d",), terms=_DEPTHWISE,
            takes={"windows": [[side, side]]}, tiles=_LANE_TILES,
        )
        for side in (3, 5)
    ),
    *_pools(),
    *_LIGHT_DRAFTS,
)  # fmt: skip
"""XNNPACK takes any number of channels alike; its depthwise kernels are written per window."""

ONNXRUNTIME_DRAFTS: Final = (
    _STEM,
    *(
        KernelDraft(name=f"{name}{suffix}", ops=ops, terms=terms, takes=takes, tiles=_GEMM_TILES)
        for name, ops, terms in (
            ("conv", ("conv2d",), _CONV), ("pointwise", ("pointwise_conv2d",), _CONV),
        )
        for suffix, takes in (("", {"channel_multiple": 4}), ("_odd", {}))
    ),
    _LINEAR_DRAFT,
    *(
        KernelDraft(
            name=f"depthwise{suffix}", ops=("depthwise_conv2d",), terms=_DEPTHWISE, takes=takes,
            tiles=_LANE_TILES,
        )
        for suffix, takes in (
            ("_16", {"channel_multiple": 16}), ("_4", {"channel_multiple": 4}), ("_odd", {}),
        )
    ),
    *_pools("_16", channel_multiple=16),
    *_pools(),
    *_LIGHT_DRAFTS,
)  # fmt: skip
"""Its blocked layouts need multiples of channels, and other kernels run the rest."""

# Lanes of channels by rows of positions; a step multiplies four neighbours. Of stored weights, four
# of a row, or four rows of a quad of columns, for vectors of positions.
_OWN_TILES: Final[tuple[Tile, ...]] = ((16, 1, 4), (64, 1, 4), (16, 6, 4), (64, 6, 4), *_GEMM_TILES)
_STORED: Final = ("per_call", "per_mac", "per_output", "per_input", "per_position")
_HEIGHTS: Final = {"csr": 1, "bsr1x4": 1, "bsr4x4": 4}
# What holds single weights is brought to rows when a model is planned.
_AS_CSR: Final = ("csr", "csc", "bitmask", "1:4", "2:4")

OWN_FORMATS: Final = tuple(_HEIGHTS)
"""Sparse storage formats that are measured."""

OWN_DRAFTS: Final = (
    _STEM,
    KernelDraft(name="conv", ops=("conv2d",), terms=_CONV, tiles=_OWN_TILES),
    KernelDraft(name="pointwise", ops=("pointwise_conv2d",), terms=_GEMM, tiles=_OWN_TILES),
    _LINEAR_DRAFT,
    *(
        KernelDraft(
            name=f"depthwise_{side}x{side}", ops=("depthwise_conv2d",), terms=_DEPTHWISE,
            takes={"windows": [[side, side]]}, tiles=_LANE_TILES,
        )
        for side in (3, 5)
    ),
    *(
        KernelDraft(
            name=f"{name}{suffix}", ops=ops, terms=_STORED,
            formats=_AS_CSR if name == "csr" else (name,),
            tiles=tuple((height, positions, 4) for positions in (32, 64)), overhang=True,
        )
        for name, height in _HEIGHTS.items()
        for suffix, ops in (
            # Planes of few columns stay in the nearest cache, those of wide windows do not.
            ("_conv", ("conv2d",)), ("_pointwise", ("pointwise_conv2d",)), ("_linear", ("linear",)),
        )
    ),
    *_pools(),
    *_LIGHT_DRAFTS,
)  # fmt: skip
"""Dense layers run by panels of channels, sparse ones by planes of positions."""
