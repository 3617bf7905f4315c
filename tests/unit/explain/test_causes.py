"""Every reason why pruning disappoints is provoked on a device made for it, and found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsim.explain import REASONS, attribute
from hwsim.formats import Bitmask, Block, Csr, Dense
from hwsim.graph import Graph
from hwsim.op import HEAVY_KINDS
from hwsim.ops import Add, Linear, Pad
from hwsim.profile import Cycles, DeviceProfile, KernelRule, Takes, Tile, device
from hwsim.records import CAUSES, Attribution, Cause
from hwsim.tensor import Weight
from tests.devices import unit_device
from tests.graphs import GraphBuilder
from tests.unit.explain.pairs import priced
from tests.unit.explain.test_sums import require_sums

ANY: Any = {"f32": "native", "8x8": "native"}
WALKED: Any = {"dense": "native", "bitmask": "native", "csr": "native"}
LANES, DEPTH = 8, 16
CHEAP_TRANSFORMS = Cycles(per_mac=1.0, per_transform=0.1)


def found_between(before: Graph, after: Graph, profile: DeviceProfile) -> Attribution:
    found = attribute(priced(before, profile), priced(after, profile, "pruned"))
    require_sums(found)
    return found


def worst(found: Attribution) -> Cause:
    """Return the cause that costs most time."""
    lost: dict[Cause, float] = {c: s for c, s in found.bars_s.items() if c != "fewer_macs"}
    return max(lost, key=lambda cause: lost[cause])


def with_kernels(profile: DeviceProfile, *first: KernelRule, **runtime: object) -> DeviceProfile:
    """Return a device that asks these kernels before its own."""
    new = {f"kernel{i}": rule for i, rule in enumerate(first)}
    changed = profile.runtime.model_copy(
        update={"kernels": {**new, **profile.runtime.kernels}, **runtime}
    )
    return profile.model_copy(update={"runtime": changed})


def heavy(cycles: Cycles | None = None, **settings: Any) -> KernelRule:
    cycles = cycles or Cycles(per_mac=1.0)
    return KernelRule(ops=HEAVY_KINDS, types=ANY, cycles=cycles, **settings)


def convolutions(channels: int) -> Graph:
    """Return three convolutions of 3 x 3; what filters are pruned leaves the first `channels`."""
    builder = GraphBuilder("three", 1, 8, 8, 8)
    builder.conv("second", builder.conv("first", "x", channels), 16)
    return builder.done(builder.conv("third", "second", 8))


def linear(zeros: np.ndarray[Any, Any] | None = None, format_: Any = None) -> Graph:
    """Return a linear layer of which the weights at `zeros` [LANES, DEPTH] are gone."""
    builder = GraphBuilder("linear", 1, DEPTH)
    codes = np.abs(builder.real(LANES, DEPTH).codes) + 1
    kept = codes if zeros is None else np.where(zeros, np.float32(0), codes)
    weight = Weight(codes=kept, format=format_ or Dense())
    return builder.done(builder.add("fc", Linear(weight=weight, bias=None), "x"))


# Three of four weights are zeros, in each row or in rows that are all zeros.
EVEN = np.arange(DEPTH)[None, :] % 4 * np.ones((LANES, 1)) > 0
UNEVEN = np.arange(LANES)[:, None] % 4 * np.ones((1, DEPTH)) > 0


def test_hardware_dependence_shows_as_tiles() -> None:
    profile = unit_device(Tile(m=8))
    provoked = found_between(convolutions(16), convolutions(9), profile)
    assert worst(provoked) == "tiles"
    # The first layer is as slow as with 16 channels; it promised 9 of 16.
    first = provoked.layers[0]
    assert first.after_s == first.before_s
    assert first.bars_s["tiles"] == pytest.approx(first.before_s * 7 / 16)
    assert first.words == (
        "9 output channels run as 16: rounding up to the kernel's tile adds 78 % more "
        "multiplications, on padding (44 % of its time)"
    )
    assert "tiles" not in found_between(convolutions(16), convolutions(8), profile).bars_s


def test_waves_that_leave_units_idle_show_as_imbalance() -> None:
    rule = heavy(tile=Tile(m=8, n=8), units=8)
    profile = with_kernels(unit_device(), rule)
    # 16 tiles are two waves, 8 one; 12 take two.
    provoked = found_between(convolutions(16), convolutions(9), profile)
    assert provoked.bars_s["tiles"] > 0
    profile = with_kernels(unit_device(), heavy(tile=Tile(n=8), units=64))
    provoked = found_between(convolutions(16), convolutions(9), profile)
    assert worst(provoked) == "imbalance"
    assert "units wait for the last one, or have no work" in provoked.layers[0].words
    assert "imbalance" not in found_between(convolutions(16), convolutions(8), profile).bars_s


def test_memory_layout_shows_as_layout() -> None:
    profile = with_kernels(
        unit_device(),
        heavy(takes=Takes(channel_multiple=4), layout="c4"),
        heavy(layout="nhwc"),
        per_relayout=100.0,
    )
    provoked = found_between(convolutions(16), convolutions(9), profile)
    assert worst(provoked) == "layout"
    assert "layout" not in found_between(convolutions(16), convolutions(8), profile).bars_s
    (layer,) = [layer for layer in provoked.layers if layer.bars_s.get("layout")]
    assert layer.words.startswith("its input is rearranged to c4, as its kernel needs it")


def test_graph_optimization_shows_as_fusion() -> None:
    def shortcut(channels: int, pads: bool) -> Graph:
        builder = GraphBuilder("shortcut", 1, 8, 8, 8)
        y = builder.conv("conv", "x", channels)
        if pads:
            missing = (0, 8 - channels)
            y = builder.add("pad", Pad(padding=((0, 0), (0, 0), (0, 0), missing)), y)
        return builder.done(builder.add("sum", Add(), y, "x") if channels == 8 or pads else y)

    profile = unit_device()
    provoked = found_between(shortcut(8, pads=False), shortcut(4, pads=True), profile)
    assert worst(provoked) == "fusion"
    assert provoked.bars_s["fusion"] == 8 * 8 * 8
    (layer,) = [layer for layer in provoked.layers if layer.name == "pad"]
    assert layer.words == "the baseline does not run it"
    same = found_between(shortcut(8, pads=False), shortcut(8, pads=False), profile)
    assert "fusion" not in same.bars_s


@pytest.mark.parametrize(
    "special",
    [
        heavy(takes=Takes(channel_multiple=4)),
        heavy(takes=Takes(windows=((3, 3),), channels_out=(8, 64), channels_in=(8, 64))),
        heavy(CHEAP_TRANSFORMS, takes=Takes(channel_multiple=4), winograd=(4,)),
    ],
    ids=["multiples of 4", "enough channels", "winograd"],
)  # fmt: skip
def test_special_features_show_as_kernel(special: KernelRule) -> None:
    general = heavy(Cycles(per_mac=1.0 if special.winograd else 2.0))
    profile = with_kernels(unit_device(), special, general)
    provoked = found_between(convolutions(16), convolutions(7), profile)
    assert worst(provoked) == "kernel"
    first = provoked.layers[0]
    assert first.after_s > 7 / 16 * first.before_s
    assert first.words.startswith(
        "runs on kernel 'kernel1', the baseline on 'kernel0' (8 to 7 channels), at "
    )
    assert "kernel" not in found_between(convolutions(16), convolutions(8), profile).bars_s


def test_irregularity_shows_as_imbalance() -> None:
    profile = unit_device(Tile(m=4))
    provoked = found_between(linear(), linear(UNEVEN, Bitmask()), profile)
    assert worst(provoked) == "imbalance"
    # Each of two groups of four waits for one full row.
    assert provoked.speedup == 1
    assert provoked.layers[0].words == (
        "75 % of the slots do nothing: lanes wait for the one with most weights (75 % of its time)"
    )
    even = found_between(linear(), linear(EVEN, Bitmask()), profile)
    assert set(even.bars_s) == {"fewer_macs"}
    assert even.speedup == 4


def test_irregularity_shows_as_index() -> None:
    walked = heavy(Cycles(per_mac=1.0, per_nonzero=2.0), formats=WALKED)
    provoked = found_between(linear(), linear(EVEN, Csr()), with_kernels(unit_device(), walked))
    # The dense kernel walks nothing: its weights have no places to be found.
    assert worst(provoked) == "index"
    assert provoked.layers[0].words == (
        "32 times the place of a csr weight is looked up (67 % of its time)"
    )
    dear = heavy(Cycles(per_mac=3.0), formats={"csr": "native"})
    provoked = found_between(linear(), linear(EVEN, Csr()), with_kernels(unit_device(), dear))
    assert worst(provoked) == "index"
    assert provoked.bars_s["index"] == 64
    assert provoked.layers[0].words == (
        "a multiplication by a csr weight takes 3.00x one by a dense weight (67 % of its time)"
    )


@pytest.mark.parametrize("zeros", ["gate", "check"])
def test_zero_checks_show_as_zero_checks(zeros: str) -> None:
    cycles = Cycles(per_mac=1.0, per_check=1.0)
    profile = with_kernels(unit_device(), heavy(cycles, zeros=zeros))
    provoked = found_between(linear(), linear(EVEN), profile)
    assert worst(provoked) == "zero_checks"
    assert (
        provoked.layers[0].words
        == {
            "gate": "zeros are seen, and take 75 % of the slots all the same (75 % of its time)",
            "check": "128 operands are looked at to find zeros (60 % of its time)",
        }[zeros]
    )
    plain = with_kernels(unit_device(), heavy())
    assert "zero_checks" not in found_between(linear(), linear(EVEN), plain).bars_s


def test_irregular_memory_access_shows_as_gathers() -> None:
    def wide(zeros: bool) -> Graph:
        builder = GraphBuilder("wide", 1, 65536)
        codes, format_ = np.ones((4, 65536), np.float32), Csr() if zeros else Dense()
        if zeros:
            codes *= np.random.default_rng(0).random(codes.shape) < 0.02
        weight = Weight(codes=codes, format=format_)
        return builder.done(builder.add("fc", Linear(weight=weight, bias=None), "x"))

    def profile(latency_cycles: float) -> DeviceProfile:
        base = device("gather_cpu_sim")
        memories = {
            name: memory.model_copy(update={"latency_cycles": latency_cycles})
            for name, memory in base.hardware.memories.items()
        }
        made = unit_device()
        hardware = made.hardware.model_copy(update={"memories": memories})
        rule = heavy(formats=WALKED, gathers=True)
        return with_kernels(made.model_copy(update={"hardware": hardware}), rule)

    provoked = found_between(wide(zeros=False), wide(zeros=True), profile(100.0))
    assert worst(provoked) == "gathers"
    assert "reads at looked-up places fetch" in provoked.layers[0].words
    assert "gathers" not in found_between(wide(zeros=False), wide(zeros=True), profile(0.0)).bars_s


def test_missing_sparse_kernels_show_as_dense_fallback_or_unpacking() -> None:
    profile = unit_device()
    provoked = found_between(linear(), linear(EVEN, Block(2, 2)), profile)
    assert worst(provoked) == "dense_fallback"
    assert provoked.speedup == 1
    assert provoked.verdict == (
        "4.00x fewer effective MACs, equally fast: unit's sparse float32 kernels for linear take "
        "bitmask, 2:4, and the weights are stored as bsr2x2, so zeros are stored and multiplied "
        "(100 % of the lost time)."
    )
    assert provoked.layers[0].words == (
        "75 % of its weights are zero, executed dense: unit's sparse float32 kernels for linear "
        "take bitmask, 2:4, and the weights are stored as bsr2x2 (75 % of its time)"
    )
    unpacked = found_between(linear(), linear(EVEN, Csr()), profile)
    assert worst(unpacked) == "unpacking"
    assert unpacked.layers[0].words == (
        "unit's kernel 'heavy' unpacks f32 csr weights to dense before it multiplies "
        "(75 % of its time)"
    )
    unasked = found_between(linear(), linear(EVEN), profile)
    assert worst(unasked) == "dense_fallback"
    assert "no sparse format was asked for" in unasked.verdict
    kept = found_between(linear(), linear(EVEN, Bitmask()), profile)
    assert set(kept.bars_s) == {"fewer_macs"}


def test_rounding_of_zeros_is_no_fault_of_the_tile() -> None:
    # 10 rows run as 16, before and after: what is lost is lost to zeros, their padding included.
    def rows(zeros: bool) -> Graph:
        builder = GraphBuilder("rows", 1, DEPTH)
        codes = np.ones((10, DEPTH), np.float32)
        codes[:, :8] = 0 if zeros else 1
        weight = Weight(codes=codes)
        return builder.done(builder.add("fc", Linear(weight=weight, bias=None), "x"))

    found = found_between(rows(zeros=False), rows(zeros=True), unit_device(Tile(m=8)))
    assert found.bars_s == {"fewer_macs": -128, "dense_fallback": 128}


def test_reasons_name_causes_and_each_has_a_test() -> None:
    assert {cause for reason in REASONS for cause in reason.causes} <= set(CAUSES)
    for pruning in ("structured", "unstructured"):
        own = [reason for reason in REASONS if reason.pruning == pruning]
        assert len(own) == 4
    for reason in REASONS:
        name = f"test_{reason.name.replace(' ', '_')}_show"
        assert any(test.startswith(name) for test in globals()), name
        assert reason.sentence.endswith(".")
    assert len({reason.name for reason in REASONS}) == len(REASONS)
