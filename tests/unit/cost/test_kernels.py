"""What a kernel may say of itself: shapes it takes, tiles in flight, named prices, layouts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cost import count, price
from hwsim.cost.slots import slots_of
from hwsim.errors import UnsupportedError
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.op import Workload
from hwsim.ops import Elementary
from hwsim.profile import Cycles, DeviceProfile, KernelRule, Memory, Takes, Tile, Version
from hwsim.program import Step
from hwsim.records import Estimate
from tests.devices import unit_device
from tests.graphs import GraphBuilder

CONV: Any = {"ops": ("conv2d", "pointwise_conv2d"), "types": {"f32": "native"}}


def with_kernel(profile: DeviceProfile, first: KernelRule, **runtime: object) -> DeviceProfile:
    kernels = {"first": first, **profile.runtime.kernels}
    changed = profile.runtime.model_copy(update={"kernels": kernels, **runtime})
    return profile.model_copy(update={"runtime": changed})


def estimate(graph: Graph, profile: DeviceProfile) -> Estimate:
    program = lower(graph, profile)
    return price(program, count(program))


def conv(channels: int, out: int, size: int = 6, kernel: int = 3, stride: int = 1) -> Graph:
    builder = GraphBuilder("conv", 1, size, size, channels)
    builder.conv("c", "x", out, kernel, stride=(stride, stride))
    return builder.done("c")


@pytest.mark.parametrize(
    ("takes", "channels", "kernel", "stride", "is_taken"),
    [
        (Takes(), 3, 3, 1, True),
        (Takes(windows=((3, 3),)), 3, 3, 1, True),
        (Takes(windows=((3, 3),)), 3, 1, 1, False),
        (Takes(strides=((1, 1),)), 3, 3, 2, False),
        (Takes(channels_in=(4, 64)), 3, 3, 1, False),
        (Takes(channels_in=(1, 3)), 3, 3, 1, True),
        (Takes(channels_out=(9, 9)), 3, 3, 1, False),
        (Takes(columns=(1, 1)), 3, 3, 1, False),
    ],
)
def test_a_kernel_takes_the_shapes_it_names(
    takes: Takes, channels: int, kernel: int, stride: int, is_taken: bool
) -> None:
    rule = KernelRule(**CONV, takes=takes, cycles=Cycles(per_mac=2))
    (step,) = estimate(
        conv(channels, 8, kernel=kernel, stride=stride), with_kernel(unit_device(), rule)
    ).steps
    assert step.kernel == ("first" if is_taken else "heavy")


def test_a_window_with_holes_is_another_one() -> None:
    builder = GraphBuilder("dilated", 1, 8, 8, 3)
    builder.conv("c", "x", 8, 3, dilation=(2, 2))
    rule = KernelRule(**CONV, takes=Takes(windows=((3, 3),)), cycles=Cycles(per_mac=2))
    (step,) = estimate(builder.done("c"), with_kernel(unit_device(), rule)).steps
    assert step.kernel == "heavy"


def test_a_shape_that_no_kernel_takes_is_refused_by_name() -> None:
    rule = KernelRule(**CONV, takes=Takes(channels_in=(4, 64)), cycles=Cycles(per_mac=2))
    profile = with_kernel(unit_device(), rule)
    runtime = profile.runtime.model_copy(update={"kernels": {"first": rule}})
    alone = profile.model_copy(update={"runtime": runtime})
    with pytest.raises(UnsupportedError, match=r"conv2d of 3 x 3, stride 1 x 1, 3 to 8 channels"):
        estimate(conv(3, 8), alone)


def workload(*, rows: int, columns: int, depth: int) -> Workload:
    return Workload(kind="conv2d", rows=rows, columns=columns, depth=depth)


def step_of(work: Workload, rule: KernelRule) -> Step:
    return Step(
        node=None,  # pyright: ignore[reportArgumentType]
        workload=work,
        kernel="first",
        rule=rule,
        types="f32",
        executed_as="native",
        reason="",
        weight=None,
        decoded_bytes=0,
        scratch_bytes=0,
    )


extents = st.integers(1, 40)
tiles = st.builds(Tile, m=st.integers(1, 9), n=st.integers(1, 9), k=st.integers(1, 4))


@given(m=extents, n=extents, k=extents, tile=tiles, units=st.integers(1, 7))
def test_the_last_wave_takes_as_long_as_a_full_one(
    m: int, n: int, k: int, tile: Tile, units: int
) -> None:
    rule = KernelRule(**CONV, tile=tile, units=units, cycles=Cycles(per_mac=1))
    slots = slots_of(step_of(workload(rows=m, columns=n, depth=k), rule), ())
    waves, free = 0, 0
    for _ in range(0, m, tile.m):
        for _ in range(0, n, tile.n):
            if not free:
                waves, free = waves + 1, units
            free -= 1
    steps = len(range(0, k, tile.k)) * tile.k
    issued = waves * units * tile.m * tile.n * steps
    assert slots.executed + slots.padding + slots.idle == issued
    assert slots.executed == m * n * k
    assert min(slots.padding, slots.idle) >= 0


@given(m=extents, n=extents, k=extents, many=st.lists(tiles, min_size=1, max_size=4))
def test_a_library_takes_the_tile_that_issues_least(
    m: int, n: int, k: int, many: list[Tile]
) -> None:
    work = workload(rows=m, columns=n, depth=k)
    rules = [KernelRule(**CONV, tile=tile, units=3, cycles=Cycles(per_mac=1)) for tile in many]
    alone = [slots_of(step_of(work, rule), ()) for rule in rules]
    rule = KernelRule(
        **CONV, tile=many[0], other_tiles=tuple(many[1:]), units=3, cycles=Cycles(per_mac=1)
    )
    slots = slots_of(step_of(work, rule), ())
    assert slots.padding + slots.idle == min(one.padding + one.idle for one in alone)


def test_winograd_multiplies_less_and_transforms() -> None:
    # 8 x 8 outputs, 16 to 16 channels: 16 tiles of 2 x 2 take 16 products each instead of 36.
    work = Workload(kind="conv2d", rows=16, columns=64, depth=9 * 16, height=8, window=(3, 3))
    slots = slots_of(step_of(work, KernelRule(**CONV, winograd=(2,), cycles=Cycles(per_mac=1))), ())
    assert slots.executed == 16 * 16 * 16 * 16
    assert slots.transforms == 16 * 16 * (16 + 16)
    best = slots_of(
        step_of(work, KernelRule(**CONV, winograd=(2, 4, 6), cycles=Cycles(per_mac=1))), ()
    )
    assert best.executed <= slots.executed < work.macs


def test_prices_may_be_names_and_versions_scale_them() -> None:
    rule = KernelRule(**CONV, cycles=Cycles(per_mac="mac", per_call=5))
    versions = {"1": Version(scale=1.0), "2": Version(scale=0.5)}
    named = with_kernel(unit_device(), rule, constants={"mac": 3.0}, versions=versions)
    macs = 36 * 9 * 4 * 2
    assert estimate(conv(4, 2), named).latency_s == pytest.approx(3 * macs + 5)
    runtime = named.runtime.model_copy(update={"version": "2"})
    newer = named.model_copy(update={"runtime": runtime})
    assert estimate(conv(4, 2), newer).latency_s == pytest.approx((3 * macs + 5) / 2)


def chain() -> Graph:
    builder = GraphBuilder("chain", 1, 4, 4, 2)
    builder.conv("a", "x", 2)
    builder.add("t", Elementary(function="tanh"), "a")
    builder.conv("b", "t", 2)
    return builder.done("b")


def test_an_inference_waits_for_the_host() -> None:
    free = estimate(chain(), unit_device())
    slow = estimate(chain(), unit_device(per_launch=10_000.0))
    assert slow.latency_s == pytest.approx(3 * 10_000)
    assert slow.latency_s == pytest.approx(sum(sum(s.terms_s.values()) for s in slow.steps))
    quick = estimate(chain(), unit_device(per_launch=0.001))
    assert quick.latency_s == pytest.approx(free.latency_s)


def test_tensors_are_rearranged_between_layouts() -> None:
    rule = KernelRule(**CONV, layout="c4", cycles=Cycles(per_mac=1))
    other = KernelRule(
        ops=("tanh",), types={"f32": "native"}, layout="nhwc", cycles=Cycles(per_output=1)
    )
    profile = with_kernel(unit_device(), rule, per_relayout=7.0)
    kernels = {"tanh": other, **profile.runtime.kernels}
    runtime = profile.runtime.model_copy(update={"kernels": kernels})
    steps = estimate(chain(), profile.model_copy(update={"runtime": runtime})).steps
    # The input lies as it is wanted; tanh and the convolution behind it take 32 elements each.
    assert [step.terms_s.get("layout", 0) for step in steps] == [0, 7 * 32, 7 * 32]
    # A kernel that takes any layout passes it on.
    steps = estimate(chain(), profile).steps
    assert [step.terms_s.get("layout", 0) for step in steps] == [0, 0, 0]


def test_half_as_wide_reals_take_half_the_bytes() -> None:
    wide, narrow = (lower(chain(), unit_device(real_bits=bits)) for bits in (32, 16))
    for one, half in zip(count(wide), count(narrow), strict=True):
        assert {k: v / 2 for k, v in one.traffic_bytes.items()} == dict(half.traffic_bytes)
    assert wide.footprint.flash_bytes == 2 * narrow.footprint.flash_bytes
    assert wide.footprint.peak_ram_bytes == 2 * narrow.footprint.peak_ram_bytes


def test_further_cores_are_called_once_per_kernel() -> None:
    profile = unit_device(per_fork=50.0)
    hardware = profile.hardware.model_copy(update={"cores": 2, "core_efficiency": 1.0})
    one = estimate(chain(), profile)
    two = estimate(chain(), profile.model_copy(update={"hardware": hardware}))
    assert two.latency_s == pytest.approx(one.latency_s / 2 + 3 * 50)


def test_kernels_may_ask_for_channels_that_fill_their_lanes() -> None:
    takes = Takes(channel_multiple=8)
    for channels, out, is_taken in ((8, 16, True), (8, 12, False), (4, 16, False)):
        rule = KernelRule(**CONV, takes=takes, cycles=Cycles(per_mac=2))
        (step,) = estimate(conv(channels, out), with_kernel(unit_device(), rule)).steps
        assert step.kernel == ("first" if is_taken else "heavy")


def test_positions_are_those_of_the_output() -> None:
    (counts,) = count(lower(conv(3, 5, size=6, stride=2), unit_device()))
    assert counts.positions == counts.outputs // 5


def test_an_inference_costs_something_beside_its_kernels() -> None:
    free = estimate(chain(), unit_device())
    started = estimate(chain(), unit_device(per_inference=90.0))
    assert started.latency_s == pytest.approx(free.latency_s + 90)
    assert [step.terms_s["inference"] for step in started.steps] == [30, 30, 30]


def test_a_cache_keeps_what_fits_from_one_kernel_to_the_next() -> None:
    far = Memory(size_bytes=1 << 20, pj_per_byte=0, holds=("weights", "activations"))
    for size, is_kept in ((256, True), (255, False)):
        near = Memory(size_bytes=size, pj_per_byte=0, retains_activations=True)
        profile = unit_device()
        hardware = profile.hardware.model_copy(update={"memories": {"near": near, "far": far}})
        program = lower(chain(), profile.model_copy(update={"hardware": hardware}))
        (_, tanh, _) = count(program)
        # 32 elements of 4 bytes in, as many out.
        assert tanh.traffic_bytes.get("far", 0) == (0 if is_kept else 256)
