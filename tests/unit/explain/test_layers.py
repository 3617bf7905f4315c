"""Which steps of two models are one layer, and what becomes of those that only one has."""

from __future__ import annotations

from typing import Any

import pytest

from hwsim.explain import attribute
from hwsim.explain.layers import layers_of
from hwsim.records import Counts, StepEstimate
from tests.unit.explain.pairs import result_on
from tests.unit.explain.test_verdict import made, step


def light(name: str, op: str = "relu", seconds: float = 1.0) -> StepEstimate:
    return step(name, macs=0, op=op, terms_s={"output": seconds}, counts=Counts(outputs=10))


def named(before: list[StepEstimate], after: list[StepEstimate]) -> list[tuple[str, int, int]]:
    layers = layers_of(before, after)
    return [(one.name, len(one.before.steps), len(one.after.steps)) for one in layers]


def test_layers_stand_in_the_order_of_execution() -> None:
    before = [step("a"), light("gone1"), light("gone2"), step("b"), light("last")]
    after = [light("new"), step("a"), step("b"), light("tail")]
    assert named(before, after) == [
        ("new", 0, 1),
        ("a", 1, 1),
        ("gone1", 1, 0),
        ("gone2", 1, 0),
        ("b", 1, 1),
        ("tail", 0, 1),
        ("last", 1, 0),
    ]


def test_parts_of_a_layer_are_one_layer() -> None:
    before = [step("a"), step("b/dw"), step("c")]
    after = [step("a/first"), step("a/core2"), step("a"), step("b/dw"), step("b/pw"), step("c")]
    # Nothing is called b, so b/pw is a layer of its own.
    assert named(before, after) == [("a", 1, 3), ("b/dw", 1, 1), ("b/pw", 0, 1), ("c", 1, 1)]


def test_factors_are_matched_with_what_they_were() -> None:
    for recipe in ("svd", "tucker2", "spatial_svd"):
        spec = f"factorize{{method={recipe},rank=2}}"
        before = result_on("residual", "none", "rpi4_xnnpack")
        after = result_on("residual", spec, "rpi4_xnnpack")
        assert before is not None
        assert after is not None
        found = attribute(before, after)
        assert [layer.name for layer in found.layers] == [s.name for s in before.estimate.steps]
        assert "fusion" not in found.bars_s
        assert all(layer.promised is None or layer.promised <= 1 for layer in found.layers)
        assert found.bars_s["overhead"] > 0
    (stem,) = [layer for layer in found.layers if layer.name == "stem"]
    assert stem.words.startswith("2 calls where the baseline has 1")


@pytest.mark.parametrize(
    ("op", "cause"),
    [("pad", "fusion"), ("transpose", "layout"), ("reshape", "layout"), ("quantize", "numbers")],
)
def test_what_only_one_model_has(op: str, cause: Any) -> None:
    added = attribute(made([step()]), made([step(), light("x", op)]))
    assert added.bars_s == {cause: 1.0}
    assert added.layers[1].words == "the baseline does not run it"
    removed = attribute(made([step(), light("x", op)]), made([step()]))
    assert removed.bars_s == {cause: -1.0}
    assert removed.layers[1].after_s == 0
    assert removed.layers[1].words == ""


def test_a_layer_that_is_gone_saves_its_macs() -> None:
    found = attribute(made([step("a"), step("b")]), made([step("a")]))
    assert found.bars_s == {"fewer_macs": -1.0}
    assert [layer.promised for layer in found.layers] == [1.0, 0.0]
    assert found.layers[1].bars_s == {"fewer_macs": -1.0}


def test_a_layer_that_is_new_promises_nothing() -> None:
    found = attribute(made([step("a")]), made([step("a"), step("b")]))
    # Twice the MACs were to take twice the time; they did, but not in this layer.
    assert found.layers[1].promised is None
    assert found.layers[1].bars_s == {"fusion": 1.0}
    assert found.bars_s == {"fewer_macs": 1.0, "placement": -1.0, "fusion": 1.0}
