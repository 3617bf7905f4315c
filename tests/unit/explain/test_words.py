"""The sentence of a layer: what it says is in the records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hwsim.explain import attribute
from hwsim.explain.figures import percent, times
from hwsim.records import Counts, StepEstimate
from tests.unit.explain.test_verdict import made, step


def words(after: Any, before: Any = None) -> str:
    (layer,) = attribute(made([before or step()]), made([after])).layers
    return layer.words


def counts(**changed: Any) -> Counts:
    given: dict[str, Any] = {"macs": 1000, "macs_effective": 1000, "macs_executed": 1000}
    return Counts(**{**given, **changed})


def test_nothing_held_back_needs_no_words() -> None:
    assert words(step()) == ""
    assert words(step(macs=100)) == ""
    free = counts(macs_effective=100)
    assert words(step(counts=free, types="f32", terms_s={})) == ""
    # Two of a hundred weights that rounding made zero are not worth a sentence.
    assert words(step(left=980)) == ""


def test_zeros_multiplied() -> None:
    assert words(step(left=100)) == (
        "90 % of its weights are zero and multiplied: no sparse format was asked for "
        "(90 % of its time)"
    )
    assert words(step(left=100, format="codebook")) == (
        "90 % of its weights are zero, and codebook stores them all (90 % of its time)"
    )
    reason = "TFLM has no kernel for csr weights of conv2d (its kernels take: dense); zeros"
    assert words(step(left=100, executed_as="dense_fallback", reason=reason)) == (
        "90 % of its weights are zero, executed dense: TFLM has no kernel for csr weights of "
        "conv2d (90 % of its time)"
    )


@pytest.mark.parametrize(
    ("channels", "tile", "padding", "said"),
    [
        ((64, 50), (1, 4), 40, "50 output channels run as 52: rounding up to the kernel's tile"),
        ((50, 64), (4, 1), 40, "50 input channels run as 52: rounding up to the kernel's tile"),
        (
            (50, 25),
            (8, 4),
            254,
            "rounding up to the kernel's tile",  # 56 / 50 x 28 / 25 is 1.2544: no whole slots.
        ),
        ((10, 10), (8, 8), 1560, "10 input channels run as 16 and 10 output channels run as 16:"),
        # Slots that channels alone do not explain: positions or windows were rounded up, too.
        ((64, 50), (1, 4), 80, "rounding up to the kernel's tile"),
        ((0, 0), (1, 1), 80, "rounding up to the kernel's tile"),
    ],
)
def test_channels_are_named_where_they_alone_explain_the_slots(
    channels: tuple[int, int], tile: tuple[int, int], padding: int, said: str
) -> None:
    after = step(
        channels=channels,
        channel_tile=tile,
        counts=counts(macs_padding=padding),
        terms_s={"mac": 1.0, "tile_padding": padding / 1000 + 0.1},
    )
    assert words(after).startswith(said)


def test_zeros_in_blocks() -> None:
    after = step(
        format="bsr4x4",
        counts=counts(macs_effective=100, macs_executed=400),
        terms_s={"mac": 0.4},
    )
    assert words(after) == "75 % of the weights that bsr4x4 stores are zero (75 % of its time)"


def test_vectors_that_hold_a_zero() -> None:
    held = counts(macs_effective=100, macs_executed=100, macs_padding=300)
    assert words(step(counts=held, terms_s={"mac": 0.1, "tile_padding": 0.3})) == (
        "75 % of the slots hold a zero, or fill up a vector or tile (75 % of its time)"
    )


def test_lanes_and_units_that_wait() -> None:
    waiting: dict[str, Any] = {"terms_s": {"mac": 1.0, "imbalance": 1.0}}
    assert words(step(counts=counts(macs_idle=1000), **waiting)) == (
        "50 % of the slots do nothing: units wait for the last one, or have no work "
        "(50 % of its time)"
    )
    walked = counts(macs_effective=500, macs_executed=500, macs_idle=500)
    full: dict[str, Any] = {"format": "csr", "channels": (8, 8), "channel_tile": (1, 4)}
    assert words(step(counts=walked, **full, **waiting)) == (
        "50 % of the slots do nothing: lanes wait for the one with most weights (50 % of its time)"
    )


def test_lanes_without_a_channel_do_not_wait() -> None:
    # One group of 16 lanes, 4 of them with a channel: of 3200 slots, 2400 are of empty lanes.
    walked = counts(macs_effective=500, macs_executed=500, macs_idle=2700)
    terms = {"mac": 0.5, "imbalance": 2.7}
    few: dict[str, Any] = {"format": "csr", "channels": (8, 4), "channel_tile": (1, 16)}
    after = step(counts=walked, terms_s=terms, **few)
    (layer,) = attribute(made([step()]), made([after])).layers
    assert layer.bars_s == pytest.approx({"fewer_macs": -0.5, "tiles": 2.4, "imbalance": 0.3})
    assert layer.words == "12 of 16 lanes have no output channel (75 % of its time)"


def test_lanes_that_a_gating_kernel_rounds_up_to_are_padding_already() -> None:
    # 6 channels on tiles of 4: a quarter of all slots is padding, and whole tiles wait.
    gated = counts(macs_effective=500, macs_executed=500, macs_gated=500, macs_padding=333)
    waiting = replace(gated, macs_idle=667)
    terms = {"mac": 0.5, "gated": 0.5, "tile_padding": 0.333, "imbalance": 0.667}
    after = step(counts=waiting, terms_s=terms, channels=(8, 6), channel_tile=(1, 4))
    before = step(counts=counts(macs_padding=333), terms_s={"mac": 1.0, "tile_padding": 0.333})
    (layer,) = attribute(made([before]), made([after])).layers
    assert layer.bars_s["imbalance"] == pytest.approx(0.667)


def test_weights_of_zero_that_meet_activations_that_are_looked_at_are_multiplied() -> None:
    # Half of the activations are zero, and skipped; 90 % of the weights are, and are not.
    looked = {"macs_executed": 500, "checks": 1000}
    terms = {"mac": 0.5, "check": 0.1}
    reason = "it has no kernel for csr weights of conv2d; zeros are stored and multiplied"
    after = step(
        counts=counts(macs_effective=100, **looked),
        terms_s=terms,
        executed_as="dense_fallback",
        reason=reason,
    )
    (layer,) = attribute(made([step(counts=counts(**looked), terms_s=terms)]), made([after])).layers
    expected = {"fewer_macs": -0.54, "dense_fallback": 0.4, "zero_checks": 0.14}
    assert layer.bars_s == pytest.approx(expected)
    assert layer.words.startswith("90 % of its weights are zero, executed dense: it has no kernel")


def test_dearer_multiplications() -> None:
    sparse = counts(macs_effective=500, macs_executed=500)
    assert words(step(format="csr", counts=sparse, terms_s={"mac": 2.0})) == (
        "a multiplication by a csr weight takes 4.00x one by a dense weight (75 % of its time)"
    )
    assert words(step(types="16x8", terms_s={"mac": 2.0})) == (
        "int16 x int8 instead of int8 (50 % of its time)"
    )
    assert words(step(kernel="general", terms_s={"mac": 2.0}, channels=(3, 7))) == (
        "runs on kernel 'general', the baseline on 'conv' (3 to 7 channels), at 2.00x per "
        "multiplication (50 % of its time)"
    )
    # Dearer by what is beside the multiplications: no ratio of them is claimed.
    after = step(kernel="general", counts=counts(outputs=10), terms_s={"mac": 1.0, "output": 1.0})
    before = step(counts=counts(outputs=10))
    assert words(after, before) == (
        "runs on kernel 'general', the baseline on 'conv' (50 % of its time)"
    )


def test_winograd_lost_counts_as_multiplications() -> None:
    before = step(
        counts=counts(macs_executed=400, transforms=100), terms_s={"mac": 0.4, "transform": 0.1}
    )
    after = step(kernel="direct")
    (layer,) = attribute(made([before]), made([after])).layers
    assert layer.bars_s == pytest.approx({"kernel": 0.5})
    assert layer.words == (
        "runs on kernel 'direct', the baseline on 'conv', at 2.50x per multiplication "
        "(50 % of its time)"
    )


def test_zeros_of_activations_that_are_skipped_are_saved_by_looking_for_them() -> None:
    # Half of the activations are zero; then half of the weights go, too.
    before = step(counts=counts(macs_executed=500), terms_s={"mac": 0.5})
    both = step(counts=counts(macs_effective=500, macs_executed=250), terms_s={"mac": 0.25})
    (layer,) = attribute(made([before]), made([both])).layers
    assert layer.bars_s == {"fewer_macs": -0.25}
    # Where weights are gone, more activations are zero than elsewhere.
    more = step(counts=counts(macs_effective=500, macs_executed=100), terms_s={"mac": 0.1})
    (layer,) = attribute(made([before]), made([more])).layers
    assert layer.bars_s == pytest.approx({"fewer_macs": -0.25, "zero_checks": -0.15})


def test_padding_beside_gated_slots_goes_with_them() -> None:
    # Half of the slots were gated for activations of zero; now nearly all are. No tile changed.
    seen = counts(macs_executed=500, macs_gated=500, macs_padding=333)
    before = step(counts=seen, terms_s={"mac": 0.5, "gated": 0.5, "tile_padding": 0.333})
    less = replace(seen, macs_effective=100, macs_executed=50, macs_gated=950)
    after = step(counts=less, terms_s={"mac": 0.05, "gated": 0.95, "tile_padding": 0.333})
    (layer,) = attribute(made([before]), made([after])).layers
    assert layer.bars_s == pytest.approx({"fewer_macs": -1.1997, "zero_checks": 1.1997})
    assert layer.words.startswith("zeros are seen, and take 71 % of the slots all the same (")


def broadcast(cycles: int, executed: int, empty: int) -> StepEstimate:
    """Return 16 rows of 100 columns on 64 elements that take `cycles`, 10 % of weights left."""
    spent = counts(macs=1600, macs_effective=160, macs_executed=executed, macs_gated=empty)
    idle = 64 * cycles - executed - empty
    return step(
        counts=replace(spent, macs_idle=idle),
        terms_s={"mac": executed, "gated": empty, "imbalance": idle},
        format="csr",
        channels=(100, 16),
        channel_tile=(1, 64),
        reason="eie takes 8x8 csr, each activation broadcast to all 64 elements",
    )


def test_elements_that_find_no_weight_for_a_broadcast_activation_do_not_wait() -> None:
    dense = counts(macs=1600, macs_effective=1600, macs_executed=1600, macs_idle=4800)
    terms = {"mac": 1600.0, "imbalance": 4800.0}
    tile: dict[str, Any] = {"channels": (100, 16), "channel_tile": (1, 64)}
    before = step(counts=dense, terms_s=terms, format="csr", **tile)
    (layer,) = attribute(made([before]), made([broadcast(100, 160, 1440)])).layers
    # As slow as before, and no tile is rounded up otherwise.
    assert layer.bars_s == pytest.approx({"fewer_macs": -5760, "zero_checks": 5760})
    stored_dense = replace(before, format="dense", reason="x, each activation broadcast to all 64")
    (same,) = attribute(made([stored_dense]), made([broadcast(100, 160, 1440)])).layers
    assert same.bars_s == pytest.approx(layer.bars_s)
    assert layer.words == (
        "each activation is broadcast to all 64 elements and takes a cycle in each, and 22 % of "
        "the slots find no weight for it; 48 elements have no output channel (90 % of its time)"
    )


def test_activations_that_are_zero_less_often_are_no_tiles() -> None:
    # Half of the activations were zero, and 20 % are now: 80 cycles after 50.
    dense = counts(macs=1600, macs_effective=1600, macs_executed=800, macs_idle=2400)
    terms = {"mac": 800.0, "imbalance": 2400.0}
    tile: dict[str, Any] = {"channels": (100, 16), "channel_tile": (1, 64)}
    before = step(counts=dense, terms_s=terms, format="csr", **tile)
    (layer,) = attribute(made([before]), made([broadcast(80, 128, 1152)])).layers
    assert layer.bars_s == pytest.approx({"fewer_macs": -2880, "zero_checks": 4800})
    assert "; activations: 20 % of weight MACs meet a zero, 50 % before; 48" in layer.words
    # Without slots that stay, that alone is said.
    skipped = Counts(macs=1000, macs_effective=100, macs_executed=80)
    after = step(counts=skipped, terms_s={"mac": 0.08}, format="csr")
    before = step(counts=counts(macs_executed=500), terms_s={"mac": 0.5})
    (layer,) = attribute(made([before]), made([after])).layers
    assert layer.bars_s == pytest.approx({"fewer_macs": -0.45, "zero_checks": 0.03})
    assert (
        layer.words
        == "activations: 20 % of weight MACs meet a zero, 50 % before (38 % of its time)"
    )


def test_a_time_that_does_not_change_is_said_to_be_the_same() -> None:
    def said(term: str, seconds: float) -> str:
        return words(
            step(macs=500, terms_s={"mac": 0.5, term: seconds}),
            step(terms_s={"mac": 1.0, term: 1.0}),
        )

    assert said("traffic:sram", 1.0).startswith("waiting for memory takes the same time as before")
    assert said("call", 1.0).startswith("the fixed cost per layer takes the same time as before")
    assert said("output", 0.9).startswith(
        "the time of reading and writing activations shrinks less than the MACs"
    )
    assert said("output", 1.2).startswith("the time of reading and writing activations grows (")


def test_the_fixed_cost_of_a_layer_has_its_name_by_device() -> None:
    before, after = made([step(terms_s={"call": 1.0})]), made([step(left=500, terms_s={"call": 1})])
    on_cpu = [replace(one, device_class="cpu") for one in (before, after)]
    (layer,) = attribute(on_cpu[0], on_cpu[1]).layers
    assert layer.words.startswith("calls and launches take the same time as before (")


def test_what_is_not_multiplied() -> None:
    def said(term: str, **changed: Any) -> str:
        return words(step(terms_s={"mac": 1.0, term: 1.0}, **changed))

    assert said("layout", layout="c4") == (
        "its input is rearranged to c4, as its kernel needs it (50 % of its time)"
    )
    assert said("traffic:sram") == "the time of waiting for memory grows (50 % of its time)"
    assert said("output") == (
        "the time of reading and writing activations grows (50 % of its time)"
    )
    missed = counts(gathers=100, gather_misses={"dram": 5, "l2": 20})
    assert said("gather:dram", counts=missed) == (
        "100 reads at looked-up places fetch 5 lines from dram, 20 lines from l2 (50 % of its time)"
    )
    assert said("decode", executed_as="decoded", reason="x unpacks 8x4 weights (for y)") == (
        "x unpacks 8x4 weights (50 % of its time)"
    )


def test_figures() -> None:
    assert [percent(share) for share in (0.0312, 0.0994, 0.0996, 1.0)] == [
        "3.1 %",
        "9.9 %",
        "10 %",
        "100 %",
    ]
    assert [times(ratio) for ratio in (0.5, 9.99, 9.999, 12.34, 99.96, 1234.5)] == [
        "0.50x",
        "9.99x",
        "10.0x",
        "12.3x",
        "100x",
        "1,234x",
    ]
