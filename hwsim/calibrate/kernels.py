"""The kernels that a host runtime is taken to have, before anyone measures what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hwsim.calibrate.layers import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    """

    name: str
    ops: tuple[str, ...]
    terms: tuple[str, ...]
    takes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tiles: tuple[Tile, ...] = ((1, 1, 1),)

    def rule(self, types: str, tile: Tile) -> dict[str, Any]:
        """Return the kernel as a profile writes it, each price under a name."""
        rule: dict[str, Any] = {"ops": list(self.ops), "types": {types: "native"}}
        if self.takes:
            rule["takes"] = dict(self.takes)
        if tile != (1, 1, 1):
            rule["tile"] = dict(zip("mnk", tile, strict=True))
        name = kernel_name(self.name, types)
        return rule | {"cycles": {term: f"{name}.{term}" for term in self.terms}}


def kernel_name(draft: str, types: str) -> str:
    """Return what a draft's kernel for these types is called."""
    return f"{draft}_{'f32' if types == 'f32' else 's8'}"


_GEMM_TERMS: Final = ("per_call", "per_mac", "per_output", "per_weight_byte", "per_input")
_FEW: Final = {"channels_in": [1, 4]}

DRAFTS: Final = (
    KernelDraft(
        name="stem", ops=("conv2d",), takes=_FEW, tiles=_GEMM_TILES,
        terms=("per_call", "per_mac", "per_output", "per_tap"),
    ),
    KernelDraft(
        name="conv", ops=("conv2d",), terms=(*_GEMM_TERMS, "per_tap"), tiles=_GEMM_TILES,
    ),
    KernelDraft(name="pointwise", ops=("pointwise_conv2d",), terms=_GEMM_TERMS, tiles=_GEMM_TILES),
    KernelDraft(
        name="linear", ops=("linear",), terms=("per_call", "per_mac", "per_output", "per_input"),
        tiles=_LANE_TILES,
    ),
    *(
        KernelDraft(
            name=f"depthwise{side}x{side}_{stride}", ops=("depthwise_conv2d",), tiles=_LANE_TILES,
            takes={"windows": [[side, side]], "strides": [[stride, stride]]},
            terms=("per_call", "per_mac", "per_output", "per_input"),
        )
        for side in (3, 5) for stride in (1, 2)
    ),
    KernelDraft(
        name="depthwise", ops=("depthwise_conv2d",), tiles=_LANE_TILES,
        terms=("per_call", "per_mac", "per_output"),
    ),
    *(
        KernelDraft(name=kind, ops=(kind,), terms=("per_call", "per_output", "per_input"))
        for kind in (
            "add", "average_pool2d", "concat", "hard_swish", "logistic", "max_pool2d", "mean",
            "mul", "relu", "softmax", "tanh",
        )
    ),
)  # fmt: skip
"""Every kernel that is fitted, for each of the types; the first that takes a layer runs it."""


def drafted() -> Iterator[tuple[str, KernelDraft, str]]:
    """Yield the name, draft and types of every kernel."""
    for draft in DRAFTS:
        for types in TYPES:
            yield kernel_name(draft.name, types), draft, types
