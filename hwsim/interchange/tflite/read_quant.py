"""Encodings of a TFLite file's tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.interchange.tflite.packing import PACKED_BITS
from hwsim.numerics import Quant


def quant_of(tensor: Any, dtype: np.dtype[Any], where: str) -> Quant | None:
    """Return what the codes of a tensor mean; None where it holds reals or plain integers.

    Args:
        tensor: Of the schema.
        dtype: Of its values.
        where: For messages.

    Raises:
        InterchangeError: A scale is not positive.
    """
    parameters = tensor.Quantization()
    if parameters is None or parameters.ScaleLength() == 0 or dtype.kind not in "iu":
        return None
    scales = tuple(float(s) for s in np.atleast_1d(parameters.ScaleAsNumpy()))
    zeros = (0,) * len(scales)
    if parameters.ZeroPointLength() == len(scales):
        zeros = tuple(int(z) for z in np.atleast_1d(parameters.ZeroPointAsNumpy()))
    if not all(scale > 0 and math.isfinite(scale) for scale in scales):
        raise InterchangeError(f"{where} has a scale that is not positive")
    return Quant(
        scale=scales,
        zero_point=zeros,
        # Old files name an axis beside a single scale; it means nothing there.
        axis=parameters.QuantizedDimension() if len(scales) > 1 else None,
        bits=PACKED_BITS.get(tensor.Type(), dtype.itemsize * 8),
        signed=dtype.kind == "i",
    )


def bias_encoding(x: Quant, weight: Quant, bits: int) -> Quant:
    """Return the encoding of a bias: input scale x weight scale by definition.

    Some files leave it out.
    """
    scale = tuple(float(np.float32(x.scale[0]) * np.float32(s)) for s in weight.scale)
    return Quant(
        scale=scale,
        zero_point=(0,) * len(scale),
        axis=0 if len(scale) > 1 else None,
        bits=bits,
    )
