from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.labels import cut_labels, folded, short_recipes, shorten, trust
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
    assert trust(result(DEVICES[2], BASELINE, KWS, 1, None)) == "uncalibrated, x/2 .. x2"


def test_cut_labels_stay_apart() -> None:
    labels = {f"prune 0.{i} and a long tail": f"prune 0.{i} and a long tail" for i in range(3)}
    cut = cut_labels(labels, 14)
    assert list(cut.values()) == ["prune 0.0 …", "prune 0.1 …", "prune 0.2 …"]
    assert list(cut_labels(labels, 10).values()) == ["1 prune …", "2 prune …", "3 prune …"]
    assert cut_labels({"a": "short", "b": "other"}, 12) == {"a": "short", "b": "other"}


def test_names_break_behind_their_joints() -> None:
    assert folded("xeon8380_onnxruntime", 11) == ("xeon8380_", "onnxruntime")
    assert folded("a100_cuda", 11) == ("a100_cuda",)
    assert folded("", 11) == ("",)


@pytest.mark.parametrize(
    ("label", "length", "cut"),
    [
        ("prune unstructured 0.9 | quantize 8 8", 36, "prune unstructured 0.9 | quantize …"),
        ("prune unstructured 0.9 | quantize 8 8", 24, "prune unstructured 0.9 …"),
        ("prune{sparsity=0.9}|quantize{weights=8}", 34, "prune{sparsity=0.9}|quantize …"),
        ("distil wrn_28_10 | quantize 8 8", 20, "distil wrn_28_10 …"),
        ("one_very_long_setting_without_a_joint", 12, "one_v…_joint"),
    ],
)
def test_recipes_are_cut_between_settings(label: str, length: int, cut: str) -> None:
    assert cut_labels({"recipe": label}, length) == {"recipe": cut}


@given(st.text("ab |,{}=", max_size=60), st.integers(8, 40))
def test_a_cut_label_has_no_more_than_its_length(label: str, length: int) -> None:
    assert len(cut_labels({"recipe": label}, length)["recipe"]) <= length
