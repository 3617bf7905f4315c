"""What was measured on processors and surprises: profiles must say the same, on the same side."""

from __future__ import annotations

from functools import cache

import pytest

from hwsim.cost import count, price
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.evidence.networks import network
from hwsim.lower import lower
from hwsim.profile import device

# Closer than this, neither runs nor boards of one kind agree with each other.
# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

CLEAR = 0.1
LESS = 0.97


@cache
def predicted_s(name: str, net: str, types: str, cores: int) -> float:
    program = lower(network(net, types), device(name, **{"hardware.cores": cores}))
    return price(program, count(program)).latency_s


@cache
def measured_s(name: str, net: str, types: str, cores: int) -> float:
    """Return the published latency on the board that the profile is called after: its first rows.

    A row that sets no cores ran on as many as the profile has.
    """
    own = int(device(name).hardware.cores)
    found = [
        row.latency_s
        for table in ("xnnpack.csv", "ncnn.csv", "ncnn_threads.csv")
        for row in read_measurements(FOLDER / table)
        if (row.profile, row.network, row.types) == (name, net, types)
        and int(dict(row.overrides).get("hardware.cores", own)) == cores
    ]
    assert found
    assert found[0] is not None
    return found[0]


def speedups(name: str, net: str, types: tuple[str, str], cores: tuple[int, int]) -> list[float]:
    """Return measured and predicted gain of the second types and cores over the first."""
    return [
        time(name, net, types[0], cores[0]) / time(name, net, types[1], cores[1])
        for time in (measured_s, predicted_s)
    ]


@pytest.mark.parametrize(
    ("name", "net"),
    [
        ("jetson_orin_ncnn", "ncnn_vgg16"),
        ("kunpeng920_3211k_ncnn", "ncnn_vgg16"),
        ("snapdragon855plus_ncnn", "ncnn_vgg16"),
        ("rock3a_ncnn", "ncnn_vgg16"),
        ("rock3a_ncnn", "ncnn_resnet18"),
        ("jetson_orin_ncnn", "ncnn_resnet18"),
    ],
)
def test_int8_is_slower_than_reals_where_its_kernels_are_poor(name: str, net: str) -> None:
    """3 x 3 convolutions of reals go through Winograd in 16 bits; those of int8 do not.

    Source: ncnn, benchmark/README.md at a4d2ea1d: VGG16 in int8 takes 2.7 times as long as in
    reals on Jetson AGX Orin, 2.4 times on Kunpeng 920, 1.6 times on Snapdragon 855+ and Rock 3A.
    """
    measured, predicted = speedups(name, net, ("f32", "8x8"), (1, 1))
    assert measured < 1 - CLEAR
    assert predicted < 1


@pytest.mark.parametrize(
    ("name", "net"),
    [
        ("rpi4_ncnn", "ncnn_mobilenet"),
        ("rpi4_ncnn", "ncnn_vgg16"),
        ("rpi3_ncnn", "ncnn_mobilenet"),
        ("jetson_orin_ncnn", "ncnn_mobilenet"),
        ("dimensity9300_x4_ncnn", "ncnn_mobilenet"),
    ],
)
def test_int8_gains_where_it_has_the_kernels_and_never_four_times(name: str, net: str) -> None:
    """A quarter of the bytes is no quarter of the time.

    Source: ncnn, benchmark/README.md at a4d2ea1d: MobileNet v1 in int8 gains 1.46 times on
    Raspberry Pi 4, 1.13 times on Raspberry Pi 3, 2.2 times on Dimensity 9300.
    """
    measured, predicted = speedups(name, net, ("f32", "8x8"), (1, 1))
    assert 1 + CLEAR < measured < 2.5
    assert 1 < predicted < 2.5


def test_nine_of_ten_weights_gone_is_less_than_three_times_as_fast() -> None:
    """MobileNet v1 with 90 % of its pointwise weights gone runs 2.8 times as fast, not ten.

    Sources: XNNPACK README at 75db3c0, Performance: 86 ms dense on a Pixel 2; Fast Sparse ConvNets
    (Elsen et al., CVPR 2020), google-research at 4d2518d, fastconvnets/README.md: 31 ms on a
    Snapdragon 835, which is the same chip. Its plain depthwise layers, the image's and the elements
    that move stay, and a weight found by its index takes about three times as long.
    """
    dense, sparse = ("pixel2_xnnpack", "mobilenet_v1"), ("snapdragon835_xnnpack",)
    for time in (measured_s, predicted_s):
        gain = time(*dense, "f32", 1) / time(*sparse, "sparse_mobilenet_v1_100", "f32", 1)
        assert 2.3 < gain < 3.3, time


def test_a_sparse_network_on_a_dense_runtime_gains_nothing() -> None:
    """Without a kernel that walks stored weights, zeros are multiplied."""
    dense = predicted_s("rpi4_ncnn", "mobilenet_v1", "f32", 1)
    sparse = predicted_s("rpi4_ncnn", "sparse_mobilenet_v1_100", "f32", 1)
    assert sparse == pytest.approx(dense, rel=0.02)


@pytest.mark.parametrize("name", ["pixel1_xnnpack", "pixel2_xnnpack"])
def test_small_networks_gain_less_from_threads(name: str) -> None:
    """Calls are not shared: the smaller a network, the less further cores are worth.

    Source: XNNPACK README at 75db3c0, Performance: on Pixel 2, four cores make MobileNet v1 3.2
    times as fast (86 to 27 ms) and MobileNet v3 Small 2.3 times (14 to 6 ms); on Pixel, two cores
    1.9 times (82 to 43 ms) and 1.7 times (12 to 7 ms).
    """
    cores = 2 if name == "pixel1_xnnpack" else 4
    large = speedups(name, "mobilenet_v1", ("f32", "f32"), (1, cores))
    small = speedups(name, "mobilenet_v3_small", ("f32", "f32"), (1, cores))
    for gain_large, gain_small in zip(large, small, strict=True):
        assert 1 < gain_small < LESS * gain_large
        assert gain_large < cores


@pytest.mark.parametrize("name", ["rpi3_ncnn", "rpi4_ncnn"])
def test_four_cores_of_a_raspberry_pi_wait_for_one_memory(name: str) -> None:
    """MobileNet v2, which moves much for what it multiplies, gains 1.5 times from four cores.

    Source: ncnn, benchmark/README.md at a4d2ea1d: 159 to 111 ms on a Raspberry Pi 3 B+, 93 to 62 ms
    on a Raspberry Pi 4.
    """
    for gain in speedups(name, "ncnn_mobilenet_v2", ("f32", "f32"), (1, 4)):
        assert 1.2 < gain < 2.0
    for gain in speedups(name, "ncnn_mobilenet", ("8x8", "8x8"), (1, 4)):
        assert 1.8 < gain < 3.5
