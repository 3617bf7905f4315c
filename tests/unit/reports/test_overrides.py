from dataclasses import replace

import pytest

from hwsim.records import Comparison, Result
from reports.overrides import grouped, shortened, spelled_out
from reports.why import whys
from tests.comparisons import BASELINE, DEVICES, KWS, PRUNED, result


def under(*overrides: str, recipe: str = BASELINE) -> Result:
    return replace(result(DEVICES[0], recipe, KWS, 1, None), overrides=overrides)


def made(*results: Result) -> Comparison:
    return Comparison(results=results, baseline=BASELINE, version="0")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("hardware.clock_hz=80000000.0", "clock_hz=80e6"),
        ("hardware.clock_hz=1.98e9", "clock_hz=1.98e9"),
        ("hardware.clock_hz=123456789", "clock_hz=123456789"),
        ("a.b=0.5", "b=0.5"),
        ("a.b=1e-06", "b=1e-6"),
        ("a.b=640", "b=640"),
        ("a.b=0.0", "b=0"),
        ("a.b=inf", "b=inf"),
        ("a.b=file.name", "b=file.name"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_overrides_are_short_and_exact(text: str, short: str) -> None:
    assert shortened(made(under(text))).results[0].overrides == (short,)


def test_keys_that_end_alike_keep_their_paths() -> None:
    short = shortened(made(under("core.clock_hz=1e6"), under("bus.clock_hz=1e6")))
    assert [r.overrides for r in short.results] == [("core.clock_hz=1e6",), ("bus.clock_hz=1e6",)]


def test_overrides_that_would_be_equal_stay() -> None:
    short = shortened(made(under("a.b=80000000"), under("a.b=80000000.0")))
    assert [r.overrides for r in short.results] == [("a.b=80000000",), ("a.b=80000000.0",)]


def test_shortened_keys_are_spelled_out_once() -> None:
    both = made(under("hardware.clock_hz=1e6"), under("hardware.clock_hz=2e6"), under("x=1"))
    assert spelled_out(both) == ["clock_hz: the profile's hardware.clock_hz."]


def test_a_device_under_many_overrides_is_named_once() -> None:
    assert grouped([under(), under("f=1"), under("f=2")]) == [
        "stm32l4r5_tflm",
        "stm32l4r5_tflm [f=1, 2]",
    ]
    assert grouped([under(f"f={i}") for i in range(9)]) == ["stm32l4r5_tflm [f=0 .. 8]"]
    assert grouped([under("f=1", "g=2"), under("f=1", "g=3")]) == [
        "stm32l4r5_tflm [f=1, g=2; f=1, g=3]"
    ]
    assert grouped([under(f"f={i}", "g=2") for i in range(9)]) == [
        "stm32l4r5_tflm [9 settings of f, g]"
    ]


def test_causes_are_not_repeated_for_every_value() -> None:
    cells = [under(f"f={i}", recipe=recipe) for recipe in (BASELINE, PRUNED) for i in range(3)]
    (why,) = whys(made(*cells))
    assert why.text.endswith("(5 of 8 layers dense_fallback): 1.00x on stm32l4r5_tflm [f=0, 1, 2]")


def test_batches_of_a_device_are_one_place() -> None:
    cells = [replace(under(), batch=batch) for batch in (8, 16)]
    assert grouped(cells) == [f"{DEVICES[0].name} [batch=8, 16]"]
    (own,) = grouped([replace(under("k=1"), batch=8)])
    assert own == f"{DEVICES[0].name} [k=1, batch=8]"
