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
    assert [line.promised for line in lines] == ["10.0x", "10.0x", "-"]
    assert [line.got for line in lines] == ["10.0x", "1.25x", "0.67x"]
    assert [line.cause for line in lines] == ["", "rounding up to tiles", "calls and launches"]


def test_a_layer_of_one_model_only_has_no_ratio() -> None:
    gone, new = layer("gone", 1e-3, 0, 0.0, fewer_macs=-1e-3), layer("new", 0, 1e-3, None, fusion=1)
    lines = layer_lines(layered(gone, new))
    assert [(line.before, line.after) for line in lines] == [("1.00", "-"), ("-", "1.00")]
    assert [(line.promised, line.got) for line in lines] == [("-", "-")] * 2


def test_the_worst_layers_come_first_and_those_that_lose_nothing_not_at_all() -> None:
    layers = [layer(f"l{i}", 1e-3, 1e-3 + i * 1e-4, None, overhead=i * 1e-4) for i in range(5)]
    made = layered(*layers)
    lines = layer_lines(made)
    assert [line.layer.name for line in worst(lines, made, 10)] == ["l4", "l3", "l2", "l1"]
    assert [line.layer.name for line in worst(lines, made, 2)] == ["l4", "l3"]
    assert worst(lines, made, 0) == ()


def test_advice_is_compared_with_the_result() -> None:
    first, second = proposals(MADE)
    assert (first.faster, first.top1, first.top1_change) == ("2.50x", "88.7", "-1.0")
    assert (second.faster, second.top1, second.top1_change) == ("1.04x", "-", "-")
    assert first.latency.endswith(" ms")
    assert proposals(replace(MADE, advice=())) == ()
