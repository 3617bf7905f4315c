"""A sparse speed-up is backed only where a price of the sparse kernel was fitted."""

from __future__ import annotations

import pytest

from compressors import Recipe, parse
from hwsim.lower import lower
from hwsim.matrix import Matter, build
from hwsim.matrix.backing import finds_zeros, zeros_backed
from hwsim.profile import Cycles, load_profile
from hwsim.profile.evidence import FitPlan
from hwsim.row import Target
from tests.devices import unit_device
from tests.graphs import GraphBuilder

INT8 = parse("quantize{calibration=synthetic,calibration_samples=1}")


def test_a_launch_shared_with_dense_kernels_backs_no_sparse_one() -> None:
    b = GraphBuilder("wide", 64, 512)
    graph = b.done(b.linear("fc", "x", 512))
    (ladder,) = build(
        Matter(
            graph=graph,
            base=INT8,
            pruned=lambda spec: Recipe(steps=(*parse(spec).steps, *INT8.steps)),
            targets=(Target(profile=load_profile("rtx4090_tinychat")),),
            structures=("2:4",),
            sparsities=(0.5,),
        )
    ).ladders
    assert (ladder.format, ladder.executed_as) == ("2:4", "native")
    assert not ladder.is_calibrated


@pytest.mark.parametrize(
    ("cycles", "fitted", "backed"),
    [
        (Cycles(per_mac="mac", per_call="launch"), ("mac", "launch"), True),
        (Cycles(per_mac="mac", per_call="launch"), ("launch",), False),
        (Cycles(per_mac=1.0, per_call="launch"), ("mac", "launch"), False),
        (Cycles(per_mac="mac", per_nonzero=3.0), ("mac",), False),
        # One factor on everything.
        (Cycles(per_mac=1.0), (), True),
    ],
)
def test_it_takes_fitted_prices(cycles: Cycles, fitted: tuple[str, ...], backed: bool) -> None:
    constants = {"mac": 1.0, "launch": 1.0} if fitted else {}
    plan = FitPlan(family="unit_device", measurements=("any.csv",), constants=fitted)
    device = unit_device(cycles=cycles, constants=constants).model_copy(update={"fit": plan})
    b = GraphBuilder("one", 1, 20)
    graph = b.done(b.linear("fc", "x", 20))
    sparse = parse("prune{sparsity=0.5}|encode{format=bitmask}").apply(graph)
    steps = lower(sparse, device).steps
    assert any(map(finds_zeros, steps))
    assert zeros_backed(steps, device) is backed
    # Without a kernel that finds zeros there is nothing to back.
    dense = lower(graph, device).steps
    assert not any(map(finds_zeros, dense))
    assert zeros_backed(dense, device)
