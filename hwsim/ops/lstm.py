"""Long short-term memory over a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Weightless, Workload
from hwsim.ops._lstm_codes import bind_lstm
from hwsim.ops.elementary import FUNCTIONS

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray, Shape
    from hwsim.op import Kernel, Site
    from hwsim.tensor import TensorType, Weight

# Gates in the order of their rows; with 3, the input gate is 1 - the forget gate (CIFG).
_GATE_COUNTS = (3, 4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lstm(Weightless):
    """Hidden states of all steps, from a state of zeros (Hochreiter and Schmidhuber, 1997).

    c_t = f c_(t-1) + i g and h_t = o tanh(c_t), with i, f, o = sigma(.) and g = tanh(.) of
    W x_t + R h_(t-1) + b (Gers, Schmidhuber and Cummins, 2000). Without rows for the input gate,
    i = 1 - f (Greff et al., arXiv 1503.04069, CIFG).

    Attributes:
        input_weight: W, [gates * cells, features]; input, forget, cell and output gate, or all but
            the first.
        recurrent_weight: R, [gates * cells, cells].
        bias: [gates * cells]; of integers, in units of input scale x W's.
        time_major: Whether tensors lie as [time, batch, features], not [batch, time, features].
        cell_clip: Largest magnitude of c; 0: any.
        cell_exponent: An integer cell state has steps of 2^cell_exponent, -15..-9.
    """

    kind: ClassVar[str] = "lstm"
    shares_encoding: ClassVar[bool] = False
    input_weight: Weight
    recurrent_weight: Weight
    bias: Weight
    time_major: bool = False
    cell_clip: float = 0.0
    cell_exponent: int = -11

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.input_weight, self.recurrent_weight, self.bias)

    @property
    def cells(self) -> int:
        """Width of the state."""
        return self.recurrent_weight.shape[1]

    @property
    def gates(self) -> int:
        """4, or 3 without an input gate of its own."""
        return self.recurrent_weight.shape[0] // self.cells

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        rows, features = self.input_weight.shape
        is_stacked = rows == self.gates * self.cells and self.gates in _GATE_COUNTS
        if not is_stacked or self.recurrent_weight.shape[0] != rows or self.bias.shape != (rows,):
            raise GraphError(
                f"lstm expects weights of 3 or 4 gates x cells rows, got "
                f"{list(self.input_weight.shape)}, {list(self.recurrent_weight.shape)} and a bias "
                f"of {list(self.bias.shape)}"
            )
        if len(x) != 3 or x[2] != features:
            order = "time, batch" if self.time_major else "batch, time"
            raise GraphError(f"lstm expects [{order}, {features}], got {list(x)}")
        return ((*x[:2], self.cells),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        x = inputs[0].swapaxes(1, 2) if self.time_major else inputs[0]
        driven = x @ self.input_weight.real().T + self.bias.real()
        recurrent, sigma = self.recurrent_weight.real().T, FUNCTIONS["logistic"]
        hidden = cell = np.zeros((*x.shape[:2], self.cells))
        made = np.empty((*x.shape[:3], self.cells))
        for step in range(x.shape[2]):
            parts = np.split(driven[:, :, step] + hidden @ recurrent, self.gates, axis=-1)
            forget, candidate, output = parts[-3:]
            forget = sigma(forget)
            enter = sigma(parts[0]) if self.gates == 4 else 1.0 - forget
            cell = forget * cell + enter * np.tanh(candidate)
            if self.cell_clip > 0:
                cell = np.clip(cell, -self.cell_clip, self.cell_clip)
            hidden = sigma(output) * np.tanh(cell)
            made[:, :, step] = hidden
        return (made.swapaxes(1, 2) if self.time_major else made,)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        return bind_lstm(self, site)

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        (x,), (y,) = inputs, outputs
        return Workload(
            kind=self.kind,
            rows=self.gates * self.cells,
            columns=y.elements // self.cells,
            depth=self.input_weight.shape[1] + self.cells,
            output_elements=y.elements,
            input_elements=x.elements,
        )
