"""What a profile says about one kernel of a runtime: what it takes, and what it costs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from hwsim.accelerators.find import find_accelerator
from hwsim.profile.geometry import Geometry, with_multipliers
from hwsim.profile.quantities import Extent, NonNegative, Price, Text
from hwsim.profile.section import Section
from hwsim.sparsity.pattern import WORD_BITS
from hwsim.sparsity.schedule import Scheduling

if TYPE_CHECKING:
    from hwsim.accelerators import Accelerator
    from hwsim.op import Workload

Support: TypeAlias = Literal["native", "decoded"]
"""`native`: the kernel works on it as it lies; `decoded`: it is unpacked to dense first."""

Zeros: TypeAlias = Literal["multiply", "gate", "check", "check_activations"]
"""What a kernel does with an operand that is zero and lies there all the same."""

LOCKSTEP = "lockstep"

Pairs: TypeAlias = Annotated[
    tuple[Annotated[tuple[Extent, Extent], Field(strict=False)], ...], Field(strict=False)
]
"""Heights and widths."""


class Tile(Section):
    """What one step of a kernel computes; extents are rounded up to it.

    Attributes:
        m: Output channels.
        n: Output positions.
        k: Weights of one output; in a sparse kernel, stored weights of one lane.
        height: Rows of output positions. Where given, n counts positions of one row, and rows and
            columns of the map are rounded up apart.
        taps: Elements of the kernel window. Where given, k counts input channels, and elements and
            channels are rounded up apart.
        overhang: Whether the rows of a padded image lie one behind another, so that what a wide
            window computes between two rows, (width of the window - 1) * dilation / stride
            positions, is computed too and thrown away. Without `height`.
    """

    m: Extent = 1
    n: Extent = 1
    k: Extent = 1
    height: Extent | None = None
    taps: Extent | None = None
    overhang: bool = False

    @model_validator(mode="after")
    def _one_kind_of_rows(self) -> Self:
        if self.overhang and self.height is not None:
            raise ValueError("expected height or overhang, got both; rows lie apart or together")
        return self

    @property
    def positions(self) -> int:
        """Output positions, all rows together."""
        return self.n * (self.height or 1)


class Cycles(Section):
    """Cycles per unit of work; the price of a kernel is the sum of these terms.

    Each is a number, or the name of one of the runtime's constants.

    Attributes:
        per_call: Once per execution: dispatch, launch, set-up.
        per_mac: Per multiply-accumulate issued, after rounding up to the tile.
        per_output: Per element written: requantization, elementwise arithmetic.
        per_input: Per activation element read: packing, pooling.
        per_tap: Per patch row gathered (im2col copies one row of a kernel window at a time).
        per_nonzero: Per stored weight walked: finding its place.
        per_check: Per weight, vector of weights or activation that is looked at to see whether it
            is zero.
        per_decode: Per weight unpacked to dense before the kernel starts.
        per_weight_byte: Per byte of weights as stored, fetched once: wait states of a flash.
        per_transform: Per element of the tiles that a Winograd kernel transforms.
        per_position: Per output position of a product, or per row of the last axis elsewhere (as
            many as are read, or written where those are more): loops over channels start anew.
    """

    per_call: Price = 0.0
    per_mac: Price = 0.0
    per_output: Price = 0.0
    per_input: Price = 0.0
    per_tap: Price = 0.0
    per_nonzero: Price = 0.0
    per_check: Price = 0.0
    per_decode: Price = 0.0
    per_weight_byte: Price = 0.0
    per_transform: Price = 0.0
    per_position: Price = 0.0


class Takes(Section):
    """Which shapes a kernel takes; the next kernel is asked about others.

    Attributes:
        windows: Kernel heights and widths, undilated; any where absent.
        strides: Vertical and horizontal; any where absent.
        channels_in: Least and most input channels per group.
        channels_out: Least and most output channels per group.
        columns: Least and most output positions (1 in a linear layer of one row).
        channel_multiple: Channels, in and out, of all groups together, must be multiples of this.
    """

    windows: Pairs | None = None
    strides: Pairs | None = None
    channels_in: Annotated[tuple[Extent, Extent], Field(strict=False)] | None = None
    channels_out: Annotated[tuple[Extent, Extent], Field(strict=False)] | None = None
    columns: Annotated[tuple[Extent, Extent], Field(strict=False)] | None = None
    channel_multiple: Extent = 1

    def admits(self, workload: Workload) -> bool:
        """Return whether a kernel that takes these shapes takes this work."""
        has_holes = workload.dilation != (1, 1)
        ranges = (
            (self.channels_in, workload.channels_in),
            (self.channels_out, workload.rows),
            (self.columns, workload.columns),
        )
        return (
            (self.windows is None or (workload.window in self.windows and not has_holes))
            and (self.strides is None or workload.stride in self.strides)
            and all(span is None or span[0] <= extent <= span[1] for span, extent in ranges)
            and max(workload.channels_in, 1) * workload.groups % self.channel_multiple == 0
            and max(workload.rows, 1) * workload.groups % self.channel_multiple == 0
        )


class KernelRule(Section):
    """One kernel of a runtime: what it takes and what it costs.

    Attributes:
        ops: Kinds of work, of `hwsim.op.WORK_KINDS`.
        types: Activation x weight bits (`8x8`, `8x4`, `f32x8`), or `f32`; weights of decoded ones
            are widened to the activations' type first. `f32w8`: weights are decoded and reals
            multiplied; a `g` behind (`8x4g`): weights in groups, each with a scale of its own.
        formats: Storage formats of the weight; ops without one need `dense`. A format that is
            native here and not dense is walked: only stored weights are issued.
        takes: Shapes; all where absent.
        index_bits: Widest index of a codebook that the kernel takes; absent where any will do.
        tile: Rounding of the extents.
        other_tiles: Tiles that the library may choose instead; it takes the one that issues least.
        schedule: How the multipliers are kept busy with the stored weights: `lockstep`, lanes that
            wait for the fullest, or an accelerator of `hwsim.accelerators`, counted by a walk;
            then `per_mac` is 1 / multipliers, as a number or as `1/multipliers`.
        geometry: Extents, and words where it takes them, that differ from the published ones.
        units: Tiles in flight. The last wave of tiles takes as long as a full one.
        zeros: What becomes of zero operands that are not skipped by the format: `multiply`, as any
            other; `gate`, they take their slot and no energy (weights, and activations where data
            shows them); `check`, a loop looks at every stored weight and multiplies only those that
            are not zero, dense ones too; `check_activations`, it looks at every activation of a
            patch, once per `tile.m` channels, and skips those that data shows to be zero.
        skips_vectors: Width of the vectors along the weights of one output that the kernel skips
            where all lanes are zero, dense weights too; the other lanes are multiplied. Absent
            where stored weights move together.
        gathers: Whether it reads activations at the places of stored weights, one tile of positions
            after the other; what misses the caches is then priced.
        workers: Who share the groups of `tile.m` output channels and wait for each other at the
            end only; each issues as many slots as the one with most.
        scheduling: How the groups are given out: `static`, one by one in turn; `chunked`, `chunk`
            neighbours at a time in turn; `queue`, whoever is free takes the next chunk.
        chunk: Groups taken at a time.
        winograd: Extents m of F(m x m, 3 x 3) that the kernel may choose (Lavin and Gray, CVPR
            2016), the cheapest for each layer; empty where it multiplies directly.
        layout: Order of axes that the kernel works in (`nhwc`, `c4`); a tensor from a kernel with
            another one is rearranged first. Absent where any will do.
        pipelined: Whether multipliers, output stage and weight decoder work side by side, so that
            only the slowest of `per_mac`, `per_output` and `per_weight_byte` counts. `per_call` is
            then the time to fill them, and transfers that overlap run beside it too.
        overlaps_memory: As `Runtime.overlaps_memory`, which holds where this is absent.
        cycles: Price per unit of work.
        scratch_bytes_per_depth: Scratch in RAM per weight of one output (im2col columns).
    """

    ops: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    types: Annotated[dict[str, Support], Field(min_length=1)]
    formats: Annotated[dict[str, Support], Field(min_length=1)] = Field(
        default_factory=lambda: {"dense": "native"}
    )
    takes: Takes = Takes()
    index_bits: Annotated[int, Field(ge=1, le=16)] | None = None
    tile: Tile = Tile()
    other_tiles: Annotated[tuple[Tile, ...], Field(strict=False)] = ()
    schedule: Text = LOCKSTEP
    geometry: Geometry = Field(default_factory=dict[str, int | str])
    units: Extent = 1
    zeros: Zeros = "multiply"
    skips_vectors: Annotated[int, Field(ge=1, le=WORD_BITS)] | None = None
    gathers: bool = False
    workers: Extent = 1
    scheduling: Scheduling = "static"
    chunk: Extent = 1
    winograd: Annotated[tuple[Annotated[int, Field(ge=2, le=6)], ...], Field(strict=False)] = ()
    layout: Text | None = None
    pipelined: bool = False
    overlaps_memory: bool | None = None
    cycles: Cycles
    scratch_bytes_per_depth: NonNegative = 0.0

    @model_validator(mode="before")
    @classmethod
    def _priced(cls, kernel: object) -> object:
        return with_multipliers(kernel)

    @property
    def finds_zeros(self) -> bool:
        """Whether it finds zeros in weights that lie dense."""
        return self.zeros == "check" or self.skips_vectors is not None

    @property
    def sees_activations(self) -> bool:
        """Whether zero activations change what it does."""
        return self.zeros in ("gate", "check_activations") or self.schedule != LOCKSTEP

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerator that schedules this kernel; None where its lanes run in lockstep.

        Raises:
            UnsupportedError: There is no such schedule, or it has no such extent.
        """
        if self.schedule == LOCKSTEP:
            return None
        return _accelerator(self.schedule, tuple(self.geometry.items()))

    @property
    def channel_tile(self) -> tuple[int, int]:
        """What input and output channels are rounded up to."""
        accelerator = self.accelerator
        return (self.tile.k, self.tile.m) if accelerator is None else (1, accelerator.channel_lanes)


# Every step asks for it again. Nothing can be kept in a section: copies would keep it, too.
@lru_cache(maxsize=1024)
def _accelerator(name: str, geometry: tuple[tuple[str, int | str], ...]) -> Accelerator:
    return find_accelerator(name, dict(geometry))
