from dataclasses import replace

from hwsim.records import Accuracy, Comparison, Refusal
from reports.notes import LEGEND, notes
from reports.summary import sections
from tests.comparisons import BASELINE, DEVICES, KWS, PRUNED, comparison, result


def judged(*shares: float, n: int = 450) -> Comparison:
    """Return a comparison on one device with these accuracies."""
    base = result(DEVICES[0], BASELINE, KWS, 1, None)
    cells = (
        replace(base, recipe=f"r{i}", accuracy=Accuracy(top1=share, n=n))
        for i, share in enumerate(shares)
    )
    return Comparison(results=tuple(cells), baseline="r0", version="0")


def told(made: Comparison, *hidden: str) -> tuple[str, ...]:
    return notes(made, sections(made), hidden)


def test_the_samples_are_told() -> None:
    assert any(line.startswith("top-1 of 1,000 samples") for line in told(comparison()))
    assert not any("top-1" in line for line in told(comparison(), "top-1", "MACs"))


def test_differences_within_a_standard_error_are_called_noise() -> None:
    # sqrt(0.9 * 0.1 / 450) is 1.41 points.
    blurred = "top-1 of 450 samples; differences below 1.4 points are within their noise."
    assert blurred in told(judged(0.90, 0.91))
    assert "top-1 of 450 samples." in told(judged(0.90, 0.92))
    assert "top-1 of 450 samples." in told(judged(0.90, 0.90))


def test_a_lone_result_is_no_front_and_no_baseline() -> None:
    made = judged(0.9)
    (section,) = sections(made)
    assert "speed-up" not in [column.title for column in section.columns]
    assert section.rows[0].cells[-3] == "90.0"
    assert not section.rows[0].is_baseline
    assert LEGEND not in told(made)


def test_each_device_has_its_own_units() -> None:
    results = tuple(
        result(device, recipe, KWS, 1, None)
        for device in (DEVICES[0], DEVICES[2])
        for recipe in (BASELINE, PRUNED)
    )
    (section,) = sections(Comparison(results=results, baseline=BASELINE, version="0"))
    titles = [column.title for column in section.columns]
    latency, flash = titles.index("latency"), titles.index("flash")
    assert [row.units[latency] for row in section.rows] == ["ms", "ms", "µs", "µs"]
    assert section.columns[latency].unit == ""
    # All agree, so that the header has it.
    assert {row.units[flash] for row in section.rows} == {""}
    assert section.columns[flash].unit == "KiB"


def test_equal_refusals_are_told_once() -> None:
    refusals = tuple(
        Refusal(model=KWS, recipe="r", device="m7", overrides=(f"f={i}",), reason="no kernel")
        for i in range(3)
    )
    (section,) = sections(Comparison(results=(), refusals=refusals, version="0"))
    assert [(r.devices, r.reason) for r in section.refusals] == [("m7 [f=0, 1, 2]", "no kernel")]


def test_figures_of_a_batch_say_so() -> None:
    base = result(DEVICES[0], BASELINE, KWS, 1, None)
    whole = replace(base, batch=8)
    alone = Comparison(results=(whole,), version="0")
    (section,) = sections(alone)
    units = {column.title: column.unit for column in section.columns}
    assert units["latency"].endswith(" of 8 samples")
    assert units["energy"].endswith(" of 8 samples")
    assert section.rows[0].cells[0].endswith("batch 8]")
    both = Comparison(results=(base, whole), baseline=BASELINE, version="0")
    assert any("of 8 samples" in line for line in told(both))
    assert not any("samples where" in line for line in told(replace(both, results=(base,))))
    # Neither is the baseline of the other, nor of its front.
    assert [both.baseline_of(each) for each in both.results] == [base, whole]
    (section,) = sections(both)
    assert len({row.cells[0] for row in section.rows}) == 2
    assert all("samples" not in column.unit for column in section.columns)
