"""All operator kinds. A new kind is one file here and one line below."""

from hwsim.op import Op
from hwsim.ops.add import Add
from hwsim.ops.batch_norm import BatchNorm
from hwsim.ops.binary import Binary
from hwsim.ops.concat import Concat
from hwsim.ops.constant import Constant
from hwsim.ops.conv2d import Conv2d
from hwsim.ops.conv2d_transpose import Conv2dTranspose
from hwsim.ops.elementary import Elementary
from hwsim.ops.gather import Gather
from hwsim.ops.layer_norm import LayerNorm
from hwsim.ops.leaky_relu import LeakyRelu
from hwsim.ops.linear import Linear
from hwsim.ops.log_softmax import LogSoftmax
from hwsim.ops.lstm import Lstm
from hwsim.ops.matmul import MatMul
from hwsim.ops.maximum import Maximum, Minimum
from hwsim.ops.mean import Mean
from hwsim.ops.mul import Mul
from hwsim.ops.pad import Pad
from hwsim.ops.pool2d import AveragePool2d, MaxPool2d
from hwsim.ops.prelu import PRelu
from hwsim.ops.quantize import Dequantize, Quantize
from hwsim.ops.reduce_extreme import ReduceMax, ReduceMin
from hwsim.ops.reshape import Reshape
from hwsim.ops.resize import ResizeBilinear, ResizeNearest
from hwsim.ops.rms_norm import RmsNorm
from hwsim.ops.slice import Slice
from hwsim.ops.softmax import Softmax
from hwsim.ops.sub import Sub
from hwsim.ops.sum import Sum
from hwsim.ops.tile import Tile
from hwsim.ops.transpose import Transpose

OPS: tuple[type[Op], ...] = (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Dequantize,
    Elementary,
    Gather,
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    MaxPool2d,
    Maximum,
    Mean,
    Minimum,
    Mul,
    PRelu,
    Pad,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)

__all__ = [
    "OPS",
    "Add",
    "AveragePool2d",
    "BatchNorm",
    "Binary",
    "Concat",
    "Constant",
    "Conv2d",
    "Conv2dTranspose",
    "Dequantize",
    "Elementary",
    "Gather",
    "LayerNorm",
    "LeakyRelu",
    "Linear",
    "LogSoftmax",
    "Lstm",
    "MatMul",
    "MaxPool2d",
    "Maximum",
    "Mean",
    "Minimum",
    "Mul",
    "Op",
    "PRelu",
    "Pad",
    "Quantize",
    "ReduceMax",
    "ReduceMin",
    "Reshape",
    "ResizeBilinear",
    "ResizeNearest",
    "RmsNorm",
    "Slice",
    "Softmax",
    "Sub",
    "Sum",
    "Tile",
    "Transpose",
]
