from dataclasses import replace

import pytest

from hwsim.records import Attribution, Cause, LayerAttribution
from reports.explanation.layers import layer_lines, worst
from reports.explanation.proposals import proposals
from tests.explanations import explanation

MADE = explanation().attributions[0]


def layered(*layers: LayerAttribution) -> Attribution:
    return replace(MADE, layers=layers)


def layer(
    name: str, before_s: float, after_s: float, left: float | None, **bars_s: float
) -> LayerAttribution:
    bars: dict[Cause, float] = dict(bars_s)  # pyright: ignore[reportAssignmentType]
    return LayerAttribution(
        name=name, op="conv2d", before_s=before_s, after_s=after_s, promised=left, bars_s=bars
    )


def test_what_a_layer_lost_is_beyond_its_promise() -> None:
    kept = layer("kept", 10e-3, 1e-3, 0.1, fewer_macs=-9e-3)
    slow = layer("slow", 10e-3, 8e-3, 0.1, fewer_macs=-9e-3, tiles=6.5e-3, index=0.5e-3)
    plain = layer("pool", 2e-3, 3e-3, None, overhead=1e-3)
    lines = layer_lines(layered(kept, slow, plain))
    assert [line.lost_s for line in lines] == pytest.approx([0, 7e-3, 1e-3])
    assert [line.promised for line in lines] == ["10.0x", "10.0x", "no MACs"]
    assert [line.got for line in lines] == ["10.0x", "1.25x", "0.67x"]
    assert [line.cause for line in lines] == ["", "rounding up to tiles", "calls and launches"]


def test_a_layer_of_one_model_only_has_no_ratio() -> None:
    gone, new = layer("gone", 1e-3, 0, 0.0, fewer_macs=-1e-3), layer("new", 0, 1e-3, None, fusion=1)
    lines = layer_lines(layered(gone, new))
    assert [(line.before, line.after) for line in lines] == [("1.00", "-"), ("-", "1.00")]
    assert [(line.promised, line.got) for line in lines] == [("∞", "∞"), ("no MACs", "-")]


def test_the_worst_layers_come_first_and_those_that_lose_nothing_not_at_all() -> None:
    layers = [layer(f"l{i}", 1e-3, 1e-3 + i * 1e-4, None, overhead=i * 1e-4) for i in range(5)]
    made = layered(*layers)
    lines = layer_lines(made)
    assert [line.layer.name for line in worst(lines, made, 10)] == ["l4", "l3", "l2", "l1"]
    assert [line.layer.name for line in worst(lines, made, 2)] == ["l4", "l3"]
    assert worst(lines, made, 0) == ()


def test_what_others_save_is_not_taken_off_what_a_layer_lost() -> None:
    mixed = layer("mixed", 10e-3, 6e-3, 0.5, fewer_macs=-5e-3, index=4e-3, numbers=-3e-3)
    plain = layer("plain", 10e-3, 8e-3, 0.5, fewer_macs=-5e-3, tiles=3e-3)
    lines = layer_lines(layered(mixed, plain))
    assert [line.lost_s for line in lines] == pytest.approx([4e-3, 3e-3])
    assert [line.layer.name for line in worst(lines, MADE, 2)] == ["mixed", "plain"]


def test_of_layers_that_lose_alike_the_longest_comes_first() -> None:
    short, long = (layer(name, t, t + 1e-3, None, tiles=1e-3) for name, t in (("s", 1), ("l", 2)))
    made = layered(short, long)
    assert [line.layer.name for line in worst(layer_lines(made), MADE, 2)] == ["l", "s"]


def test_the_why_names_the_cause_and_then_tells_of_it() -> None:
    told = replace(layer("a", 1e-3, 2e-3, 1.0, tiles=1e-3), words="8 channels run as 64")
    small = replace(layer("b", 10, 1, 0.1, fewer_macs=-9, index=1e-3), words="1 % is looked up")
    lines = layer_lines(layered(told, small, layer("c", 10, 1, 0.1, fewer_macs=-9)))
    assert [line.why for line in lines] == [
        "rounding up to tiles: 8 channels run as 64",
        "finding weights: 1 % is looked up",
        "",
    ]


@pytest.mark.parametrize(
    ("times_s", "shown"),
    [
        ((1.27, 0.0919, 0.05), ["1,270", "91.9", "50.0"]),
        ((5.03e-3, 0.6e-3, 0.09e-3), ["5.03", "0.600", "0.0900"]),
        ((52.0, 4.2, 1.1), ["52.0", "4.20", "1.10"]),
        ((0.02, 1e-9, 1e-9), ["20.0", "0.00000100", "0.00000100"]),
    ],
)
def test_most_layers_are_read_without_leading_zeros(
    times_s: tuple[float, ...], shown: list[str]
) -> None:
    made = layered(*(layer(f"l{i}", t, t, None) for i, t in enumerate(times_s)))
    assert [line.before for line in layer_lines(made)] == shown


def test_what_layers_lost_is_read_without_leading_zeros_too() -> None:
    made = layered(layer("a", 3.0, 0.83, 0.25, tiles=0.03), layer("b", 2.0, 0.53, 0.25, tiles=0.02))
    lines = layer_lines(made)
    assert [(line.before, line.lost) for line in lines] == [("3,000", "30.0"), ("2,000", "20.0")]


def test_advice_is_compared_with_the_result() -> None:
    first, second = proposals(MADE)
    assert (first.faster, first.top1, first.top1_change) == ("2.50x", "88.7", "-1.0")
    assert (second.faster, second.top1, second.top1_change) == ("1.04x", "-", "-")
    assert first.latency.endswith(" ms")
    assert proposals(replace(MADE, advice=())) == ()
