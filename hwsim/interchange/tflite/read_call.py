"""One operator of a TensorFlow Lite flatbuffer, as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tflite

from hwsim.errors import InterchangeError
from hwsim.kernels.patches import same_padding

if TYPE_CHECKING:
    from hwsim.interchange.tflite.read_tensors import Tensors
    from hwsim.ops._activation import Fused

ACTIVATIONS: dict[int, Fused] = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}
"""Fused activations by their code in the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operator of the flatbuffer, with what is needed to read it.

    Attributes:
        where: `file: operator 3 (CONV_2D)`, for messages.
        inputs: Indices of its operands; -1 for one that is left out.
        outputs: Indices of its results.
        options: Its table of attributes, as bytes at an offset.
        tensors: All tensors of the subgraph.
        intermediates: Indices of tensors that only say how its inner values are encoded.
    """

    where: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    tensors: Tensors
    intermediates: tuple[int, ...] = ()

    def read(self, table: Any) -> Any:
        """Return the attributes as the schema's class `table`."""
        if self.options is None:
            raise InterchangeError(f"{self.where}: its options are missing")
        options = table()
        options.Init(self.options.Bytes, self.options.Pos)
        return options

    def activation(self, options: Any) -> Fused:
        """Return the fused activation.

        Raises:
            InterchangeError: It is one that no kernel here fuses.
        """
        code = options.FusedActivationFunction()
        if code not in ACTIVATIONS:
            raise InterchangeError(
                f"{self.where}: fused activation {code} is not supported; "
                f"supported: {', '.join(ACTIVATIONS.values())}"
            )
        return ACTIVATIONS[code]

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of the tensor `index`."""
        return self.tensors.type(index).shape

    def padding(
        self, options: Any, kernel: tuple[int, int], stride: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
    ) -> tuple[tuple[int, int], tuple[int, int]]:  # fmt: skip
        """Return SAME or VALID padding as explicit extents; SAME puts the odd one behind."""
        if options.Padding() == tflite.Padding.VALID:
            return (0, 0), (0, 0)
        height, width = self.shape(self.inputs[0])[1:3]
        pairs = [
            same_padding(extent, *window)
            for extent, window in zip(
                (height, width), zip(kernel, stride, dilation, strict=True), strict=True
            )
        ]
        return pairs[0], pairs[1]
