from dataclasses import replace

from hwsim.records import Comparison
from reports.why import executed_as, whys
from tests.comparisons import (
    BASELINE,
    DENSE,
    DEVICES,
    HOSTILE,
    KWS,
    NARROW,
    PRUNED,
    comparison,
    result,
)

MCU, CPU, GPU = DEVICES


def sentence(model: str, recipe: str, device: str, baseline: str | None = BASELINE) -> str:
    found = [w for w in whys(comparison(baseline)) if (w.model, w.recipe) == (model, recipe)]
    return next((why.text for why in found if why.device.startswith(device)), "")


def test_a_fallback_is_said_with_its_reason() -> None:
    assert sentence(KWS, PRUNED, MCU.name) == (
        f"5.16x fewer effective MACs, equally fast: 5 of 8 layers ran dense_fallback: {DENSE}"
    )


def test_where_native_the_terms_are_named() -> None:
    text = sentence(HOSTILE, PRUNED, CPU.name)
    assert text.startswith("5.16x fewer effective MACs, 1.94x faster: 1 of 8 layers")
    assert "1.56 ms did not shrink with the MACs: index 64 %, imbalance 15 %, im2col 10 %" in text


def test_missing_time_is_latency_less_what_the_macs_promise() -> None:
    made = comparison()
    pruned = next(
        r for r in made.results if (r.model, r.recipe, r.device) == (HOSTILE, PRUNED, CPU.name)
    )
    baseline = made.baseline_of(pruned)
    assert baseline is not None
    promised_s = baseline.latency_s * pruned.estimate.macs_effective / baseline.estimate.macs
    # Terms that shrank more than promised are not counted against it: here only `mac` may.
    assert 1.4e-3 < pruned.latency_s - promised_s <= 1.57e-3


def test_what_runs_natively_and_as_fast_as_promised_needs_no_words() -> None:
    assert sentence(KWS, BASELINE, MCU.name) == ""


def test_without_a_baseline_only_fallbacks_are_said() -> None:
    assert sentence(KWS, PRUNED, MCU.name, None) == f"5 of 8 layers ran dense_fallback: {DENSE}"
    assert sentence(KWS, BASELINE, CPU.name, None) == ""


def test_what_does_not_fit_is_said_of_the_baseline_too() -> None:
    text = "does not fit: needs 868 KiB of RAM, has 640 KiB"
    assert sentence(HOSTILE, BASELINE, MCU.name) == text


def test_shared_memory_counts_the_sum() -> None:
    crowded = result(replace(GPU, ram_bytes=80_000, flash_bytes=80_000), BASELINE, KWS, 1, None)
    made = Comparison(results=(crowded,), version="1")
    assert [why.text for why in whys(made)] == [
        "does not fit: needs 99.1 KiB of memory, has 78.1 KiB"
    ]


def test_several_reasons_are_counted() -> None:
    odd = result(MCU, NARROW, KWS, 1, None)
    steps = [replace(odd.estimate.steps[0], reason="another"), *odd.estimate.steps[1:]]
    made = Comparison(
        results=(replace(odd, estimate=replace(odd.estimate, steps=tuple(steps))),), version="1"
    )
    assert whys(made)[0].text == (
        "8 of 8 layers ran decoded: 4-bit weights are unpacked to 8 bits first (and 1 other reason)"
    )


def test_layers_without_macs_are_not_counted() -> None:
    assert executed_as(result(MCU, PRUNED, KWS, 1, None)) == "3 native, 5 dense_fallback"
