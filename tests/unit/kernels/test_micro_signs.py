"""The code that is emitted to pack and count signs, for processors that are not here too."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.isa import ISAS
from hwsim.kernels.micro.library import Library
from hwsim.kernels.micro.panel import panel_text
from hwsim.kernels.micro.signs import counting, pack_run, pack_text

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"


@kernel
def packed(address: int, x: int, y: int, channels: int, pixels: int, step: int) -> None:
    call_address(address, x, y, channels, pixels, step, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "triple", "extra", "pattern"),
    [
        ("vnni512", X86, "avx512vpopcntdq", r"vpopcntd\s.*%zmm"),
        ("vnni256", X86, "avx512vpopcntdq", r"vpopcntd\s.*%ymm"),
        ("avx2", X86, "avx2", r"vpshufb\s.*%ymm"),
        ("sdot", ARM, "neon", r"\bcnt\s+v\d+\.16b"),
    ],
)
def test_bits_are_counted_by_the_vector(name: str, triple: str, extra: str, pattern: str) -> None:
    isa = next(isa for isa in ISAS if isa.name == name)
    features = ",".join(f"+{feature}" for feature in sorted({*isa.features, extra}))
    made = Library(triple, "generic" if triple == ARM else "x86-64", features)
    text = made.assembly(panel_text(counting(isa), 0, 1, 2))
    assert len(re.findall(pattern, text)) >= 2
    assert not re.search(r"dpbusd|pmaddwd|\bsdot", text)
    assert made.object_code(pack_text())


@pytest.mark.skipif(not IS_COMPILED, reason="machine code is called")
@pytest.mark.parametrize("channels", [1, 31, 32, 33, 63, 64, 65, 150])
def test_signs_are_packed_pixel_by_pixel(channels: int) -> None:
    rng = np.random.default_rng(channels)
    step = 4 * -(-channels // 32)
    x = np.full(3 * channels + 64, 0xFF, np.uint8)
    x[: 3 * channels] = rng.choice([0, 2], 3 * channels)
    y = np.full(3 * step + 8, 0xAA, np.uint8)
    packed(pack_run(), x.ctypes.data, y.ctypes.data, channels, 3, step)
    bits = np.zeros((3, 8 * step), np.uint8)
    bits[:, :channels] = x[: 3 * channels].reshape(3, channels) == 2
    np.testing.assert_array_equal(
        y[: 3 * step].reshape(3, step), np.packbits(bits, axis=1, bitorder="little")
    )
    assert y[-1] == 0xAA
