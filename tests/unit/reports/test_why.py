from dataclasses import replace

from hwsim.explain import attribute, largest, lost_of
from hwsim.records import Comparison, Result
from reports.causes import executed_as
from reports.labels import device_label
from reports.speedup import speedup
from reports.why import why, whys
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
    made = comparison(baseline)
    cell = next(r for r in made.results if (r.model, r.recipe, r.device) == (model, recipe, device))
    return why(cell, speedup(made, cell))


def test_a_fallback_is_said_with_its_reason() -> None:
    assert sentence(KWS, PRUNED, MCU.name) == (
        f"5.16x fewer effective MACs, equally fast: {DENSE} (5 of 8 layers dense_fallback)"
    )


def test_where_native_the_terms_are_named() -> None:
    text = sentence(HOSTILE, PRUNED, CPU.name)
    assert text == (
        f"5.16x fewer effective MACs, 1.94x faster: {DENSE} (1 of 8 layers dense_fallback); "
        "finding the stored weights takes time (index 64 %, imbalance 15 %, activations 10 % "
        "of 1.56 ms over)"
    )


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
    assert sentence(KWS, PRUNED, MCU.name, None) == f"{DENSE} (5 of 8 layers dense_fallback)"
    assert sentence(KWS, BASELINE, CPU.name, None) == ""


def test_what_does_not_fit_is_said_of_the_baseline_too() -> None:
    text = "does not fit (needs 868 KiB of RAM, has 640 KiB)"
    assert sentence(HOSTILE, BASELINE, MCU.name) == text


def test_shared_memory_counts_the_sum() -> None:
    crowded = result(replace(GPU, ram_bytes=80_000, flash_bytes=80_000), BASELINE, KWS, 1, None)
    made = Comparison(results=(crowded,), version="1")
    assert [why.text for why in whys(made)] == [
        f"does not fit (needs 99.1 KiB of memory, has 78.1 KiB): {device_label(crowded)}"
    ]


def test_several_reasons_are_counted() -> None:
    odd = result(MCU, NARROW, KWS, 1, None)
    steps = [replace(odd.estimate.steps[0], reason="another"), *odd.estimate.steps[1:]]
    made = Comparison(
        results=(replace(odd, estimate=replace(odd.estimate, steps=tuple(steps))),), version="1"
    )
    assert whys(made)[0].text == (
        "4-bit weights are unpacked to 8 bits first (and 1 other reason) "
        "(8 of 8 layers decoded): stm32l4r5_tflm"
    )


def test_layers_without_macs_are_not_counted() -> None:
    assert executed_as(result(MCU, PRUNED, KWS, 1, None)) == "3 native, 5 dense_fallback"


def test_devices_that_share_a_cause_share_an_item() -> None:
    texts = [why.text for why in whys(comparison()) if (why.model, why.recipe) == (KWS, NARROW)]
    (text,) = texts
    assert text == (
        "4-bit weights are unpacked to 8 bits first (8 of 8 layers decoded): "
        "0.98x on stm32l4r5_tflm, cortex_a72_xnnpack; "
        "1.00x on h200_tensorrt [hardware.clock_hz=1.98e9]"
    )


def on(numbers: str, cell: Result) -> Result:
    """Return the result as if its steps worked on these numbers."""
    steps = [replace(step, types=numbers) for step in cell.estimate.steps]
    return replace(cell, estimate=replace(cell.estimate, steps=tuple(steps)))


def test_the_runtime_and_the_op_are_no_part_of_a_cause() -> None:
    cell = result(CPU, PRUNED, KWS, 1, None)
    steps = tuple(
        replace(
            step,
            executed_as="dense_fallback",
            reason=f"XNNPACK has no kernel for bitmask weights of {step.op} (it takes: csr)",
        )
        for step in cell.estimate.steps
    )
    made = replace(cell, estimate=replace(cell.estimate, steps=steps))
    assert why(made, None) == "no kernel for bitmask weights (10 of 10 layers dense_fallback)"


def test_other_numbers_are_not_explained_as_sparsity() -> None:
    slow = replace(MCU, cycles_per_mac=6.0)
    made = Comparison(
        results=(
            on("8x8", result(MCU, BASELINE, KWS, 1, None)),
            on("f32", result(slow, "none", KWS, 1, None)),
        ),
        baseline=BASELINE,
        version="1",
    )
    detail = "numbers 93 % of 87.8 ms over"
    assert [(why.promise, why.text) for why in whys(made)] == [
        (
            "as many effective MACs",
            f"float instead of int8 ({detail}): 0.21x on stm32l4r5_tflm",
        )
    ]


def test_the_tile_is_named() -> None:
    dense = result(MCU, BASELINE, KWS, 4, None)
    small = result(MCU, "filters", KWS, 1, None)
    steps = tuple(
        replace(step, terms_s={**step.terms_s, "tile_padding": 0.01})
        for step in small.estimate.steps
    )
    padded = replace(small, estimate=replace(small.estimate, steps=steps))
    made = Comparison(results=(dense, padded), baseline=BASELINE, version="1")
    assert "rounding up to tiles, vectors or blocks" in whys(made)[0].text
    assert "(tiles 100 % of " in whys(made)[0].text


def test_what_is_named_is_what_explain_names() -> None:
    made = comparison()
    for cell in made.results:
        baseline = made.baseline_of(cell)
        assert baseline is not None
        bars = attribute(baseline, cell).bars_s
        shares = largest(lost_of(bars))
        text = why(cell, speedup(made, cell))
        if " over)" not in text:
            continue
        named = text[text.rindex("(") + 1 : text.rindex(" of ")].split(", ")
        spelled = [f"{c.replace('_', ' ')} {100 * share:.0f} %" for c, share in shares.items()]
        assert named == spelled


def test_a_cause_that_its_reason_tells_is_not_told_twice() -> None:
    # On the microcontroller nearly all of the lost time goes into zeros.
    assert "over)" not in sentence(KWS, PRUNED, MCU.name)
    # On the GPU calls take it, whatever is multiplied.
    assert sentence(KWS, PRUNED, GPU.name).endswith(
        "calls and launches take the same time as before (overhead 56 %, placement 44 % "
        "of 29.3 µs over)"
    )
