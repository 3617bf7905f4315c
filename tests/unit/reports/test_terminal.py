from dataclasses import replace

import pytest

from hwsim.records import Comparison
from reports.terminal import Terminal
from tests.comparisons import BASELINE, DEVICES, KWS, RECIPES, comparison, result

WIDTHS = [60, 80, 100, 120, 160]
every_width = pytest.mark.parametrize("width", WIDTHS)


def rows(text: str, first: str) -> list[str]:
    """Return the lines of the tables that start so."""
    return [line for line in text.splitlines() if line.startswith(first)]


@every_width
def test_lines_fit_the_width(width: int) -> None:
    text = Terminal(width).render(comparison())
    assert max(map(len, text.splitlines())) <= width


@every_width
def test_a_result_is_one_line_with_its_latency(width: int) -> None:
    lines = Terminal(width).render(comparison()).splitlines()
    header = next(i for i, line in enumerate(lines) if " latency " in line)
    rule = next(i for i, line in enumerate(lines) if i > header and line.startswith("───"))
    # Where there is no room beside the device, its units have a line.
    table = [
        line
        for line in lines[rule + 1 : lines.index("", rule)]
        if not line.lstrip().startswith("[")
    ]
    assert len(table) == len(DEVICES) * (1 + len(RECIPES))
    assert sum(line.startswith("* ") for line in table) == len(DEVICES)
    for line, latency in zip(table[1:4], ("23.8", "23.8", "24.3"), strict=True):
        assert latency in line


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_headers_are_whole(width: int) -> None:
    text = Terminal(width).render(comparison())
    for header in ("[ms]", "[x]", "[%]", "energy", "91.8 ◆"):
        assert header in text


def test_what_is_left_out_is_said() -> None:
    text = Terminal(60).render(comparison())
    assert "Left out at this width: peak RAM, flash, MACs, executed as." in " ".join(text.split())
    assert "MACs: those" not in text
    assert "Left out" not in Terminal(160).render(comparison())
    assert "23.8 (21.8-25.9)" in Terminal(160).render(comparison())


def test_one_recipe_makes_a_flat_table() -> None:
    results = tuple(result(device, BASELINE, KWS, 1, 0.9) for device in DEVICES)
    text = Terminal(100).render(Comparison(results=results, version="0"))
    assert len(rows(text, "stm32l4r5_tflm ")) == 1
    assert rows(text, "h200_tensorrt [clock_hz=1.98e9] ")
    assert "Speed-up over" not in text
    assert "baseline" not in text


def test_the_baseline_of_a_device_that_refuses_the_baseline_is_marked() -> None:
    made = comparison()
    mcu = DEVICES[0].name
    kept = tuple(r for r in made.results if (r.device, r.recipe) != (mcu, BASELINE))
    text = Terminal(100).render(replace(made, results=kept))
    assert "1.00x †" in text
    assert "† baseline of a device that does not run that recipe." in text
    assert rows(text, "* prune unstructured")
