"""What a verdict says in each case that there is; never more than the records show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hwsim.explain import attribute, phrase_of
from hwsim.explain.figures import saving_of
from hwsim.records import CAUSES, Counts, Result, StepEstimate
from tests.unit.explain.pairs import DEVICES, RECIPES, result_on
from tests.unit.explain.test_sums import result_of

INT8, KERNEL = "8x8", "conv"


def step(name: str = "conv", macs: int = 1000, left: int | None = None, **settings: Any) -> Any:
    """Return a step of which `left` MACs are effective; the rest is executed all the same."""
    given: dict[str, Any] = {
        "op": "conv2d",
        "kernel": KERNEL,
        "types": INT8,
        "executed_as": "native",
        "reason": "",
        "terms_s": {"mac": macs / 1000},
        "energy_terms_j": {},
        "counts": Counts(
            macs=macs, macs_effective=macs if left is None else left, macs_executed=macs
        ),
    }
    return StepEstimate(name=name, **{**given, **settings})


def verdict(before: list[StepEstimate], after: list[StepEstimate]) -> str:
    return attribute(made(before), made(after)).verdict


def made(steps: list[StepEstimate]) -> Result:
    return result_of(tuple(steps), "recipe")


def test_nothing_changed() -> None:
    assert verdict([step()], [step()]) == (
        "as many effective MACs, equally fast: nothing was promised."
    )


def test_zeros_that_rounding_made_are_no_promise() -> None:
    assert verdict([step()], [step(left=990)]) == (
        "as many effective MACs, equally fast: nothing was promised."
    )


def test_gained_as_promised() -> None:
    assert verdict([step()], [step(macs=250)]) == (
        "4.00x fewer effective MACs, 4.00x faster: as promised."
    )


def test_all_zeros_multiplied() -> None:
    reason = "TFLM has no kernel for bitmask weights of conv2d (its kernels take: dense); zeros"
    after = step(left=100, executed_as="dense_fallback", reason=reason)
    assert verdict([step()], [after]) == (
        "10.0x fewer effective MACs, equally fast: TFLM has no kernel for bitmask weights of "
        "conv2d, so zeros are stored and multiplied (100 % of the lost time)."
    )
    assert verdict([step()], [step(left=100)]) == (
        "10.0x fewer effective MACs, equally fast: zeros are stored and multiplied, as no sparse "
        "format was asked for (100 % of the lost time)."
    )


def test_braces_of_a_reason_are_text() -> None:
    after = step(left=100, executed_as="dense_fallback", reason="{x} has no kernel")
    assert "{x} has no kernel, so zeros" in verdict([step()], [after])


def test_faster_than_promised_by_other_numbers() -> None:
    before = step(types="f32", terms_s={"mac": 8.0})
    assert verdict([before], [step(macs=500)]) == (
        "2.00x fewer effective MACs, 16.0x faster: more than promised. Saved: int8 instead of "
        "float (100 % of the saved time)."
    )
    assert verdict([before], [step(left=500)]) == (
        "2.00x fewer effective MACs, 8.00x faster, all of it from int8: the zeros gained nothing, "
        "because they are stored and multiplied, as no sparse format was asked for."
    )
    # A step that is smaller gained by that, too.
    both = [step(left=500), step("small", macs=250)]
    assert verdict([before, replace(before, name="small")], both) == (
        "2.67x fewer effective MACs, 12.8x faster: more than promised. Saved: int8 instead of "
        "float (100 % of the saved time). Lost: zeros are stored and multiplied, as no sparse "
        "format was asked for (100 % of the lost time)."
    )
    half = replace(before, terms_s={"mac": 1.6})
    assert verdict([half, replace(half, name="small")], both) == (
        "2.67x fewer effective MACs, 2.56x faster: as promised. Lost: zeros are stored and "
        "multiplied, as no sparse format was asked for (100 % of the lost time). Saved: int8 "
        "instead of float (100 % of the saved time)."
    )


def test_all_of_a_gain_from_other_numbers_names_the_kernel_and_what_else_holds_it() -> None:
    reason = "XNNPACK has no sparse int8 kernel for conv2d; zeros are stored and multiplied"
    before = step(types="f32", terms_s={"mac": 8.0, "call": 3.0})
    terms = {"mac": 1.0, "call": 3.0}
    after = step(left=100, executed_as="dense_fallback", reason=reason, terms_s=terms)
    assert verdict([before], [after]) == (
        "10.0x fewer effective MACs, 2.75x faster, all of it from int8: the zeros gained nothing, "
        "because XNNPACK has no sparse int8 kernel for conv2d; the fixed cost per layer takes the "
        "same time as before (75 % of the lost time)."
    )
    # Integers on both sides, or zeros that are skipped: nothing of the kind is said.
    assert "all of it" not in verdict([replace(before, types="16x8")], [after])
    skipped = replace(after, counts=Counts(macs=1000, macs_effective=100, macs_executed=100))
    assert "all of it" not in verdict([before], [skipped])


def test_zeros_that_are_multiplied_are_told_where_others_cost_more() -> None:
    before = step(terms_s={"mac": 1.0, "call": 30.0})
    after = replace(before, executed_as="dense_fallback", counts=step(left=100).counts)
    assert verdict([before], [after]) == (
        "10.0x fewer effective MACs, equally fast: the fixed cost per layer takes the same time as "
        "before (97 % of the lost time); its kernels multiply the zeros anyway."
    )
    assert "anyway" not in verdict([before], [replace(after, executed_as="native")])
    assert "anyway" not in verdict([before], [before])


def test_channels_that_the_compiler_removes_are_told() -> None:
    reason = "X takes 8x8 dense (X 1 removes dead channels: 3 of 8 inputs)"
    fewer = step(macs=500, left=400, reason=reason)
    assert verdict([step()], [fewer]).endswith(
        " Its compiler removes channels whose weights are all zero; the remaining zeros are "
        "multiplied."
    )
    whole = replace(fewer, counts=step(macs=500).counts)
    assert verdict([step()], [whole]).endswith("channels whose weights are all zero.")
    assert "removes" not in verdict([replace(step(), reason=reason)], [fewer])


def test_a_call_that_is_dearer_is_told() -> None:
    before = [step(terms_s={"mac": 1.0, "call": 1.0}), step("other", terms_s={"call": 5.0})]
    other = step(left=500, kernel="sparse", terms_s={"mac": 0.5, "call": 1.25})
    assert verdict(before, [other, before[1]]).count(
        "calls do not shrink, and the call of conv takes 2.5e+05 us longer (") == 1  # fmt: skip
    found = attribute(made(before), made([other, before[1]]))
    assert found.layers[0].words.startswith("its call takes 1.25e+06 us, 2.5e+05 us longer (")


def test_faster_without_a_promise() -> None:
    before = step(types="f32", terms_s={"mac": 8.0})
    assert verdict([before], [step()]) == (
        "as many effective MACs, 8.00x faster: int8 instead of float (100 % of the saved time)."
    )


def test_slower_without_a_promise() -> None:
    after = step(executed_as="decoded", terms_s={"mac": 1.0, "decode": 1.0}, reason="x unpacks")
    assert verdict([step()], [after]) == (
        "as many effective MACs, 2.00x slower: weights are unpacked to dense before they are "
        "multiplied (100 % of the added time)."
    )
    after = step(terms_s={"mac": 1.0, "output": 0.6, "traffic:ram": 0.3, "call": 0.1})
    assert verdict([step()], [after]) == (
        "as many effective MACs, 2.00x slower: the time of reading and writing activations grows "
        "(60 % of the added time); the time of waiting for memory grows (30 % of the added time); "
        "the fixed cost per layer grows (10 % of the added time)."
    )


def test_slower_in_spite_of_a_promise() -> None:
    counts = Counts(macs=1000, macs_effective=500, macs_executed=500, nonzeros=500)
    after = step(format="csr", counts=counts, terms_s={"mac": 0.5, "index": 1.5})
    assert verdict([step()], [after]) == (
        "2.00x fewer effective MACs, 2.00x slower: finding the stored weights takes time (100 % of "
        "the lost time)."
    )


def test_bound_by_memory() -> None:
    before = step(terms_s={"mac": 1.0, "traffic:dram": 4.0})
    counts = Counts(macs=1000, macs_effective=100, macs_executed=100)
    after = step(format="csr", counts=counts, terms_s={"mac": 0.1, "traffic:dram": 3.0})
    assert verdict([before], [after]) == (
        "10.0x fewer effective MACs, 1.61x faster: the time of waiting for memory shrinks less "
        "than the MACs (100 % of the lost time)."
    )


def test_where_the_cut_fell() -> None:
    # Half of the MACs go, from a layer that takes a tenth of the time.
    cheap, dear = step("cheap", terms_s={"mac": 0.1}), step("dear", terms_s={"mac": 0.9})
    gone = Counts(macs=100, macs_effective=100, macs_executed=100)
    after = [replace(cheap, counts=gone, terms_s={"mac": 0.01}), dear]
    assert verdict([cheap, dear], after) == (
        "1.82x fewer effective MACs, 1.10x faster: the cut fell on layers that take less of the "
        "time than of the MACs (100 % of the lost time)."
    )
    light = step("pool", macs=0, terms_s={"input": 9.0})
    assert "layers without weights take as long as before (100 %" in verdict(
        [step(), light], [step(macs=100), light]
    )


def test_more_macs_than_before() -> None:
    assert verdict([step()], [step(macs=2000)]) == (
        "2.00x more effective MACs, 2.00x slower: as promised."
    )


def test_no_macs_at_all() -> None:
    light = step(macs=0, terms_s={"output": 1.0})
    assert verdict([light], [light]) == (
        "nothing to multiply in the baseline, equally fast: nothing was promised."
    )
    gone = attribute(made([step()]), made([step(macs=0, terms_s={})]))
    assert gone.verdict == "no effective MACs left, in no time at all: as promised."
    assert attribute(made([]), made([])).verdict.endswith("equally fast: nothing was promised.")


def test_at_most_three_causes_are_named_the_largest_first() -> None:
    terms = {"mac": 1.0, "output": 1.0, "call": 2.0, "decode": 3.0, "layout": 4.0, "index": 0.1}
    said = verdict([step()], [step(terms_s=terms)])
    assert said.count("of the added time") == 3
    assert said.index("rearranged") < said.index("unpacked") < said.index("fixed cost")


@pytest.mark.parametrize("recipe", RECIPES)
def test_verdicts_of_real_models_agree_with_their_figures(recipe: str) -> None:
    for name in DEVICES:
        baseline = result_on("residual", "quantize{weights=8}", name)
        result = result_on("residual", recipe, name)
        if baseline is None or result is None:
            continue
        found = attribute(baseline, result)
        said = found.verdict
        assert said.endswith(".")
        assert "\n" not in said
        assert (" faster" in said) == (found.speedup > 1.005)
        assert (" slower" in said) == (found.speedup < 1 / 1.005)
        assert ("more than promised" in said) <= (found.speedup > 1.1)
        fallbacks = [s for s in result.estimate.steps if s.executed_as == "dense_fallback"]
        assert ("has no kernel" in said) <= bool(fallbacks)
        for layer in found.layers:
            assert not layer.words or max(layer.bars_s.values()) > 0
            assert not layer.words.endswith(".")


def test_more_calls_are_counted() -> None:
    call = {"mac": 0.1, "call": 1.0}
    parts = [step(name, macs=100, terms_s=call) for name in ("conv/first", "conv")]
    assert verdict([step(terms_s={"mac": 1.0, "call": 1.0})], parts) == (
        "5.00x fewer effective MACs, 1.10x slower: 2 calls where the baseline has 1 (100 % of the "
        "lost time)."
    )


def test_every_cause_has_a_phrase_for_either_direction() -> None:
    for left in (10, 1000, 9000):
        before, after = made([step()]), made([step(left=left)])
        for cause in CAUSES:
            said = {phrase_of(cause, before, after), saving_of(cause, before, after)}
            assert all(said)
            assert len(said) == 2 or cause == "numbers"
