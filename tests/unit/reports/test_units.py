import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.units import BYTES, SECONDS, figure, unit_for, with_unit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0364, "0.0364"),
        (0.18, "0.180"),
        (9.996, "10.0"),
        (99.96, "100"),
        (724.4, "724"),
        (21807.2, "21,807"),
    ],
)
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("values", "symbol"),
    [
        ([], "ns"),
        ([0.0], "ns"),
        ([1e-3], "ms"),
        ([1e-3] * 7, "ms"),
        ([0.9e-3], "µs"),
        # The middle of 24 ms, 180 µs and 36 µs is 540 µs, but 24,000 µs is too wide.
        ([24e-3, 180e-6, 36e-6], "ms"),
        ([3e-12], "ns"),
    ],
)
def test_a_column_has_one_unit(values: list[float], symbol: str) -> None:
    assert unit_for(values, SECONDS).symbol == symbol


def test_bytes_are_binary() -> None:
    assert with_unit(640 * 1024, BYTES) == "640 KiB"


@given(st.floats(1e-12, 1e9))
def test_a_printed_figure_is_within_half_of_its_last_digit(value: float) -> None:
    printed = float(figure(value).replace(",", ""))
    # Three significant digits: half of the third is at most 0.5 % of the value.
    assert math.isclose(printed, value, rel_tol=0.00501)
