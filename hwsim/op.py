"""What an operator kind must offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.numerics import Numerics
    from hwsim.tensor import TensorType, Weight

Kernel: TypeAlias = Callable[..., "tuple[Array, ...]"]
"""Codes in, codes out; every array has a leading axis of stacked samples."""

HEAVY_KINDS = (
    "conv2d",
    "conv2d_transpose",
    "depthwise_conv2d",
    "linear",
    "lstm",
    "matmul",
    "pointwise_conv2d",
)
"""Kinds of work that multiply: their price grows with multiply-accumulates."""

VIEW_KINDS = ("constant", "reshape")
"""Kinds of work that may be free: no byte moves."""

LIGHT_KINDS = (
    "abs",
    "add",
    "average_pool2d",
    "batch_norm",
    "ceil",
    "concat",
    "dequantize",
    "div",
    "elu",
    "erf",
    "exp",
    "floor",
    "gather",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "layer_norm",
    "leaky_relu",
    "log",
    "log_softmax",
    "logistic",
    "max_pool2d",
    "maximum",
    "mean",
    "minimum",
    "mul",
    "neg",
    "pad",
    "pow",
    "prelu",
    "quantize",
    "reduce_max",
    "reduce_min",
    "relu",
    "resize_bilinear",
    "resize_nearest",
    "rms_norm",
    "round",
    "rsqrt",
    "silu",
    "slice",
    "softmax",
    "sqrt",
    "square",
    "squared_difference",
    "sub",
    "sum",
    "tanh",
    "tile",
    "transpose",
)
"""Kinds of work whose price grows with elements."""

WORK_KINDS = (*HEAVY_KINDS, *LIGHT_KINDS, *VIEW_KINDS)
"""Every `Workload.kind` there is, for the profiles, which do not know the ops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where an op stands: everything that its integers depend on.

    Attributes:
        name: `graph/node`, for messages.
        inputs: Types of the operands.
        outputs: Types of the results.
        numerics: The policy of the runtime.
    """

    name: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    numerics: Numerics


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much work one execution is, before any device is known; whole numbers only.

    A heavy op is `groups` products of a [rows, depth] weight with [depth, columns] patches.

    Attributes:
        kind: What kernels are chosen by, one of `WORK_KINDS`: the op's own kind, or a finer one
            where the work differs (`pointwise_conv2d`, `depthwise_conv2d`, `relu`).
        rows: Output channels per group (the m of a GEMM).
        columns: Output positions (the n of a GEMM).
        height: Rows of the map that the positions lie in; 1 where nothing slides.
        depth: Weights per output (the k of a GEMM).
        groups: Independent products.
        window: Kernel height and width; (1, 1) where nothing slides.
        stride: Vertical and horizontal.
        dilation: Vertical and horizontal; (1, 1) where the window has no holes.
        taps: Patch rows gathered by im2col: output positions x kernel height x kernel width;
            0 where no patch is copied (1 x 1 kernels of stride 1, and everything else).
        output_elements: Elements written.
        input_elements: Activation elements read.
    """

    kind: str
    rows: int = 0
    columns: int = 0
    height: int = 1
    depth: int = 0
    groups: int = 1
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    taps: int = 0
    output_elements: int = 0
    input_elements: int = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the dense op, padding of the image included."""
        return self.rows * self.columns * self.depth * self.groups

    @property
    def channels_in(self) -> int:
        """Input channels per group."""
        return self.depth // (self.window[0] * self.window[1])


class Op(Protocol):
    """One operator kind: a frozen dataclass of its attributes. One file each, in `ops/`."""

    kind: ClassVar[str]
    shares_encoding: ClassVar[bool]
    """Whether operands and results must have one encoding once they are integers."""

    @property
    def weight(self) -> Weight | None:
        """The constant matrix that is multiplied, if there is one."""
        ...

    @property
    def constants(self) -> tuple[Weight, ...]:
        """Everything that must lie in flash, the weight included."""
        ...

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the results.

        Raises:
            GraphError: The op does not take these shapes.
        """
        ...

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """The meaning, in float64 NumPy: obvious, the oracle of everything else.

        Every array has a leading axis of stacked samples.
        """
        ...

    def prepare(self, site: Site) -> Kernel:
        """Return the integer function of this op at `site`.

        Raises:
            UnsupportedError: There is no integer form for these types.
        """
        ...

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """Return how much work one execution is."""
        ...


class Weightless(Op, Protocol):
    """An op that multiplies no constant matrix: the base that spares it from saying so."""

    @property
    def weight(self) -> Weight | None:
        """See `Op.weight`."""
        return None

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return ()
