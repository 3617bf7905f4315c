"""A comparison made by hand: two models, three recipes, three devices, and all that may go odd."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwsim.records import (
    Accuracy,
    Comparison,
    Counts,
    Estimate,
    ExecutedAs,
    Footprint,
    Refusal,
    Result,
    StepEstimate,
)

BASELINE: Final = "quantize{weights=8,activations=8}"
PRUNED: Final = "prune{structure=unstructured,sparsity=0.9}|quantize{weights=8,activations=8}"
NARROW: Final = "distil|<b>q4</b>"
RECIPES: Final = (BASELINE, PRUNED, NARROW)
KWS: Final = "ds_cnn_kws"
HOSTILE: Final = "<script>alert('x')</script> | tiny*_net_ μ“é"
DENSE: Final = "kernel conv2d_s8 takes dense weights only, so the zeros are multiplied too"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device and what its seconds are made of."""

    name: str
    device_class: str
    runtime: str
    clock_hz: float
    call_cycles: float
    cycles_per_mac: float
    walks_csr: bool
    is_calibrated: bool
    ram_bytes: int
    flash_bytes: int
    is_shared: bool = False
    overrides: tuple[str, ...] = ()
    mac_pj: float


DEVICES: Final = (
    Device(
        name="stm32l4r5_tflm",
        device_class="mcu",
        runtime="TFLM CMSIS-NN 2024.02",
        clock_hz=120e6,
        call_cycles=2400,
        cycles_per_mac=1.27,
        walks_csr=False,
        is_calibrated=True,
        ram_bytes=640 * 1024,
        flash_bytes=2 * 1024 * 1024,
        mac_pj=120.0,
    ),
    Device(
        name="cortex_a72_xnnpack",
        device_class="cpu",
        runtime="XNNPACK 2025-01",
        clock_hz=1.5e9,
        call_cycles=9000,
        cycles_per_mac=0.081,
        walks_csr=True,
        is_calibrated=True,
        ram_bytes=4 << 30,
        flash_bytes=4 << 30,
        is_shared=True,
        mac_pj=31.0,
    ),
    Device(
        name="h200_tensorrt",
        device_class="gpu",
        runtime="TensorRT 10",
        clock_hz=1.98e9,
        call_cycles=7200,
        cycles_per_mac=1.1e-5,
        walks_csr=False,
        is_calibrated=False,
        ram_bytes=141 << 30,
        flash_bytes=141 << 30,
        is_shared=True,
        overrides=("hardware.clock_hz=1.98e9",),
        mac_pj=0.4,
    ),
)

LAYERS: Final = (
    ("conv_1", "conv2d", 320_000),
    ("ds_1/dw", "depthwise_conv2d", 72_000),
    ("ds_1/pw", "pointwise_conv2d", 512_000),
    ("ds_2/dw", "depthwise_conv2d", 72_000),
    ("ds_2/pw", "pointwise_conv2d", 512_000),
    ("ds_3/dw", "depthwise_conv2d", 72_000),
    ("ds_3/pw;BiasAdd;Relu;FusedBatchNormV3", "pointwise_conv2d", 512_000),
    ("pool|avg", "average_pool2d", 0),
    ("fc<b>", "linear", 768),
    ("softmax", "softmax", 0),
)


def step(device: Device, recipe: str, name: str, op: str, macs: int, scale: int) -> StepEstimate:
    """Return one layer; pruned weights are skipped where the device walks CSR, else multiplied."""
    macs *= scale
    is_pruned = recipe == PRUNED and macs > 0 and op != "depthwise_conv2d"
    effective = macs // 10 if is_pruned else macs
    way: ExecutedAs = "native"
    reason, executed = "", macs
    if is_pruned and device.walks_csr and op != "linear":
        executed, reason = effective, "csr is walked by spmm_s8"
    elif is_pruned:
        way, reason = "dense_fallback", DENSE
    elif recipe == NARROW and macs > 0:
        way, reason = "decoded", "4-bit weights are unpacked to 8 bits first"
    terms: dict[str, float] = {"call": device.call_cycles / device.clock_hz}
    if macs:
        terms["mac"] = executed * device.cycles_per_mac / device.clock_hz
        terms["im2col"] = macs / 9 * 0.4 * device.cycles_per_mac / device.clock_hz
        terms["tile_padding"] = macs * 0.03 * device.cycles_per_mac / device.clock_hz
    if executed < macs:
        terms["index"] = executed * 2.5 * device.cycles_per_mac / device.clock_hz
        terms["imbalance"] = executed * 0.6 * device.cycles_per_mac / device.clock_hz
    if way == "decoded":
        terms["decode"] = macs / 40 * device.cycles_per_mac / device.clock_hz
    energy = {"mac": executed * device.mac_pj * 1e-12, "static": sum(terms.values()) * 0.02}
    return StepEstimate(
        name=name,
        op=op,
        kernel="spmm_s8" if executed < macs else f"{op}_s8",
        types="8x8",
        executed_as=way,
        reason=reason,
        counts=Counts(
            macs=macs,
            macs_effective=effective,
            macs_executed=executed,
            outputs=4000,
            inputs=8000,
            nonzeros=effective if executed < macs else 0,
            calls=1,
            traffic_bytes={"sram": 12_000},
        ),
        terms_s=terms,
        energy_terms_j=energy,
    )


def result(device: Device, recipe: str, model: str, scale: int, top1: float | None) -> Result:
    """Return one cell."""
    steps = tuple(step(device, recipe, *layer, scale) for layer in LAYERS)
    latency_s = sum(each.latency_s for each in steps)
    margin = 1.09 if device.is_calibrated else 2.0
    weight_bytes = 22_500 * scale // (2 if recipe == NARROW else 1)
    return Result(
        model=model,
        recipe=recipe,
        device=device.name,
        device_class=device.device_class,
        runtime=device.runtime,
        overrides=device.overrides,
        profile_sha256=hashlib.sha256(device.name.encode()).hexdigest(),
        is_calibrated=device.is_calibrated,
        numerics="tflite-ref",
        estimate=Estimate(
            steps=steps,
            footprint=Footprint(
                peak_ram_bytes=22_000 * scale + 9_000,
                flash_bytes=weight_bytes + 48_000,
                ram_capacity_bytes=device.ram_bytes,
                flash_capacity_bytes=device.flash_bytes,
                is_shared=device.is_shared,
            ),
            latency_low_s=latency_s / margin,
            latency_high_s=latency_s * margin,
        ),
        accuracy=None if top1 is None else Accuracy(top1=top1, n=1000),
    )


TOP1: Final[Mapping[str, float]] = {BASELINE: 0.918, PRUNED: 0.897, NARROW: 0.902}


def comparison(baseline: str | None = BASELINE) -> Comparison:
    """Return the comparison of the golden texts.

    The large model has no accuracy and does not fit the microcontroller; the GPU refuses it at
    4 bits.
    """
    results = [
        result(device, recipe, KWS, 1, TOP1[recipe]) for recipe in RECIPES for device in DEVICES
    ]
    results += [
        result(device, recipe, HOSTILE, 40, None)
        for recipe in RECIPES
        for device in DEVICES
        if (recipe, device) != (NARROW, DEVICES[2])
    ]
    refusal = Refusal(
        model=HOSTILE,
        recipe=NARROW,
        device=DEVICES[2].name,
        overrides=DEVICES[2].overrides,
        reason="conv_1 (conv2d): h200_tensorrt has no kernel for 4-bit weights <dense|csr>",
    )
    return Comparison(
        results=tuple(results), refusals=(refusal,), baseline=baseline, version="0.1.0"
    )
