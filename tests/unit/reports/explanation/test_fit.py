"""A model that does not fit is said to, before anything else; and how sure the figures are."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from hwsim.records import Attribution, Explanation, Footprint, Result
from reports.explanation import Csv, Html, Json, Markdown, Terminal
from reports.explanation.fit import misfit_of, storage_of, trust_of
from tests.explanations import explanation

MIB = 2**20
MADE = explanation().attributions[0]
ROOMY = Footprint(
    peak_ram_bytes=MIB, flash_bytes=MIB, ram_capacity_bytes=MIB, flash_capacity_bytes=MIB
)


def on(result: Result, footprint: Footprint, **changed: object) -> Result:
    made = replace(result, estimate=replace(result.estimate, footprint=footprint))
    return replace(made, **changed)  # pyright: ignore[reportArgumentType]


def told(footprint: Footprint, device_class: str = "mcu") -> str:
    return misfit_of(on(MADE.result, footprint, device_class=device_class))


def pages(attribution: Attribution) -> list[str]:
    """Return every page for people, on one line and without tags."""
    made = Explanation(attributions=(attribution,), version="0")
    page = re.sub("<script.*?</script>", "", Html().render(made), flags=re.S)
    texts = (re.sub("<[^>]*>", "", page), Markdown().render(made), Terminal(90).render(made))
    return [" ".join(text.replace("\\", "").split()) for text in texts]


def test_what_is_missing_is_said_in_the_words_of_the_device() -> None:
    large = replace(ROOMY, flash_bytes=11 * MIB + 205 * 1024, flash_capacity_bytes=2 * MIB)
    assert told(ROOMY) == ""
    assert told(large) == (
        "Does not fit: needs 11.2 MiB of flash, the device has 2.00 MiB; latency as if it had more."
    )
    assert "needs 11.2 MiB for weights and code, the" in told(large, "cpu")
    both = replace(large, peak_ram_bytes=3 * MIB)
    assert "; it needs 3.00 MiB of RAM, the device has 1.00 MiB; latency" in told(both)
    shared = replace(ROOMY, is_shared=True)
    assert "needs 2.00 MiB of memory, the device has 1.00 MiB" in told(shared, "gpu")


@pytest.mark.parametrize("device_class", ["mcu", "npu", "cpu", "gpu", "accelerator"])
@pytest.mark.parametrize("flash", [MIB, MIB + 1])
@pytest.mark.parametrize("ram", [MIB, MIB + 1])
@pytest.mark.parametrize("is_shared", [False, True])
def test_something_is_said_exactly_where_it_does_not_fit(
    device_class: str, flash: int, ram: int, is_shared: bool
) -> None:
    footprint = replace(ROOMY, flash_bytes=flash, peak_ram_bytes=ram, is_shared=is_shared)
    text = told(footprint, device_class)
    assert bool(text) == (not footprint.fits)
    assert "needs" in text or not text
    assert ("flash" in text) == (device_class in {"mcu", "npu"} and flash > MIB and not is_shared)
    assert storage_of(on(MADE.result, footprint, device_class="npu")) == "flash"


def test_a_model_that_does_not_fit_is_said_before_the_verdict_on_every_page() -> None:
    large = on(MADE.result, replace(ROOMY, flash_bytes=2 * MIB), device_class="mcu")
    for text in pages(replace(MADE, result=large)):
        assert text.index("Does not fit: needs 2.00 MiB of flash") < text.index("8.40x fewer")
    for text in pages(replace(MADE, result=on(MADE.result, ROOMY))):
        assert "oes not fit" not in text


def test_the_glance_marks_it_and_says_the_verdict() -> None:
    large = on(MADE.result, replace(ROOMY, flash_bytes=2 * MIB), device_class="mcu")
    fine = on(MADE.result, ROOMY)
    other = replace(MADE, result=replace(fine, device="other"))
    made = Explanation(attributions=(replace(MADE, result=large), other), version="0")
    page = Html().render(made)
    glance = page[page.index('class="glance"') : page.index('class="chapter"')]
    assert re.findall(r"[✗✓] [a-z ]+", glance) == ["✗ does not fit", "✓ fits"]
    assert glance.count("8.40x fewer effective MACs") == 2
    assert glance.count("between") == 2
    assert re.findall(r"DOES NOT FIT|fits  ", Terminal(100).render(made)) == [
        "DOES NOT FIT",
        "fits  ",
    ]
    assert "| **DOES NOT FIT** |" in Markdown().render(made)


def test_advice_that_makes_it_fit_says_so() -> None:
    large = on(MADE.result, replace(ROOMY, flash_bytes=2 * MIB))
    first, second = MADE.advice
    made = replace(MADE, result=large, advice=(first, replace(second, fits=False)))
    for text in pages(made):
        advice = text[text.index("hat would pay") :]
        assert "remove whole filters" in advice
        assert re.search(r"(✓ fits|- fits|\| fits|\) fits)", advice)
        assert "does not fit" in advice
    document = json.loads(Json().render(Explanation(attributions=(made,), version="0")))
    assert [each["fits"] for each in document["attributions"][0]["advice"]] == [True, False]
    # Where all fits, nobody needs a mark.
    text = Terminal(90).render(
        Explanation(attributions=(replace(MADE, result=on(MADE.result, ROOMY)),), version="0")
    )
    assert "memory" not in text


def test_the_figures_come_with_how_far_they_may_be_off() -> None:
    shown_s = MADE.result.latency_s

    def of(low: float, high: float, is_calibrated: bool) -> str:
        estimate = replace(
            MADE.result.estimate, latency_low_s=low * shown_s, latency_high_s=high * shown_s
        )
        return trust_of(replace(MADE.result, estimate=estimate, is_calibrated=is_calibrated))

    assert of(0.88, 1.14, True).endswith("between 0.88 and 1.14 times what is shown.")
    assert of(0.5, 2, False).startswith("Uncalibrated: may be off by a factor of two (between 0.50")
    assert of(0, 2, False) == "Uncalibrated."
    for text in pages(MADE):
        assert trust_of(MADE.result) in text


def test_csv_tells_whether_a_model_fits_and_is_calibrated() -> None:
    rows = list(csv.DictReader(io.StringIO(Csv().render(explanation()))))
    models = [row for row in rows if not row["layer"] and not row["refused"]]
    assert {row["fits"] for row in models} <= {"True", "False"}
    assert {row["fits"] for row in rows if row["layer"]} == {""}


@pytest.mark.parametrize(("even", "is_told"), [(1.011, True), (1.009, False), (0.985, True)])
def test_densities_alone_are_worth_a_line_from_one_percent_on(even: float, is_told: bool) -> None:
    made = replace(MADE, by_density_s=even * MADE.result.latency_s)
    for text in pages(made):
        assert ("From densities alone" in text) == is_told
