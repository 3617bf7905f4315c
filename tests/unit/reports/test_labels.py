from dataclasses import replace

from reports.labels import short_recipes, shorten, trust
from tests.comparisons import BASELINE, DEVICES, KWS, PRUNED, comparison, result


def test_long_recipes_lose_their_keys_and_short_ones_nothing() -> None:
    assert short_recipes(comparison()) == {
        BASELINE: "quantize 8 8",
        PRUNED: "prune unstructured 0.9 | quantize 8 8",
        "distil|<b>q4</b>": "distil|<b>q4</b>",
    }


def test_labels_that_would_be_equal_stay_spelled_out() -> None:
    clash = ("q{first_of_the_two_settings=1}", "q{other_of_the_two_settings=1}")
    results = tuple(result(DEVICES[0], name, KWS, 1, None) for name in clash)
    short = short_recipes(replace(comparison(), results=results, refusals=()))
    assert [short[name] for name in clash] == list(clash)


def test_the_middle_is_left_out() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 10) == "abcd…ghijk"


def test_trust_gives_the_interval() -> None:
    assert trust(result(DEVICES[2], BASELINE, KWS, 1, None)) == "uncalibrated (interval x/2 .. 2x)"
