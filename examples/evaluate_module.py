"""A torch module on three devices, as reals and as int8: `python examples/evaluate_module.py`."""

from __future__ import annotations

import torch
from torch import nn

import compressors
import hwsim
from hwsim.errors import UnsupportedError

net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 30 * 30, 10))
graph = hwsim.load((net.eval(), (torch.zeros(1, 3, 32, 32),)))
int8 = compressors.parse("quantize{calibration=synthetic}").apply(graph)
for device in ("stm32l4r5_tflm", "rpi4_xnnpack", "ethos_u55_128_vela"):
    for name, variant in (("float32", graph), ("int8", int8)):
        try:
            result = hwsim.evaluate(variant, device)
        except UnsupportedError as refusal:
            print(f"{device:20}{name:8} refused: {refusal}")
        else:
            print(f"{device:20}{name:8}{result.latency_s * 1e3:8.3f} ms, fits: {result.fits}")
