"""All operator kinds. A new kind is one file here and one line below."""

from hwsim.op import Op
from hwsim.ops.add import Add
from hwsim.ops.batch_norm import BatchNorm
from hwsim.ops.concat import Concat
from hwsim.ops.constant import Constant
from hwsim.ops.conv2d import Conv2d
from hwsim.ops.elementary import Elementary
from hwsim.ops.layer_norm import LayerNorm
from hwsim.ops.linear import Linear
from hwsim.ops.matmul import MatMul
from hwsim.ops.mean import Mean
from hwsim.ops.mul import Mul
from hwsim.ops.pad import Pad
from hwsim.ops.pool2d import AveragePool2d, MaxPool2d
from hwsim.ops.quantize import Dequantize, Quantize
from hwsim.ops.reshape import Reshape
from hwsim.ops.slice import Slice
from hwsim.ops.softmax import Softmax
from hwsim.ops.transpose import Transpose

OPS: tuple[type[Op], ...] = (
    Add,
    AveragePool2d,
    BatchNorm,
    Concat,
    Constant,
    Conv2d,
    Dequantize,
    Elementary,
    LayerNorm,
    Linear,
    MatMul,
    MaxPool2d,
    Mean,
    Mul,
    Pad,
    Quantize,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)

__all__ = [
    "OPS",
    "Add",
    "AveragePool2d",
    "BatchNorm",
    "Concat",
    "Constant",
    "Conv2d",
    "Dequantize",
    "Elementary",
    "LayerNorm",
    "Linear",
    "MatMul",
    "MaxPool2d",
    "Mean",
    "Mul",
    "Op",
    "Pad",
    "Quantize",
    "Reshape",
    "Slice",
    "Softmax",
    "Transpose",
]
