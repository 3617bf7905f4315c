"""Re-pricing is pricing anew on devices made up at random: what few shipped ones combine."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.cost import count, price
from hwsim.cost.terms import TERMS
from hwsim.lower import lower
from hwsim.profile import Cycles, DeviceProfile, Evidence, FitPlan, Memory, Tile, Version
from hwsim.repricing import bill_of
from tests.devices import unit_device
from tests.laws.test_repricing import check, made

FIELDS = sorted({term.price for term in TERMS} | {"per_call"})
RUNTIME = ("per_fork", "per_relayout", "per_launch", "per_inference")
NAMES = (*FIELDS, *RUNTIME, "byte")
EVIDENCE = Evidence(
    measurements=("made.csv",),
    n=3,
    left_out="topology",
    held_out_mape=0.1,
    held_out_median=0.1,
    held_out_p90=0.25,
    within_10=0.5,
    within_20=0.9,
    in_sample_mape=0.1,
    macs_mape=1.0,
    roofline_mape=1.0,
)

# Numbers of very different size, so that now this and now that takes most of the time.
prices = st.sampled_from((0.0, 0.01, 1.0, 30.0, 3000.0))
shares = st.sampled_from((0.3, 1.0))


@st.composite
def devices(draw: st.DrawFn) -> DeviceProfile:
    """Return a device whose prices all have names; some of them were fitted."""
    constants = {name: draw(prices) for name in NAMES}
    fitted = tuple(draw(st.lists(st.sampled_from(NAMES), unique=True)))
    rule: dict[str, Any] = {
        "pipelined": draw(st.booleans()),
        "overlaps_memory": draw(st.sampled_from((None, True, False))),
    }
    memories = {
        "ram": Memory(
            size_bytes=1 << 20, cycles_per_byte="byte", pj_per_byte=2.0, holds=("activations",)
        ),
        "flash": Memory(
            size_bytes=1 << 20, bytes_per_cycle=0.5, pj_per_byte=3.0, holds=("weights",)
        ),
    }
    runtime: dict[str, Any] = {name: name for name in RUNTIME}
    profile = unit_device(
        Tile(m=draw(st.sampled_from((1, 8)))),
        Cycles(**{name: name for name in FIELDS}),
        rule=rule,
        constants=constants,
        overlaps_memory=draw(st.booleans()),
        versions={"1": Version(scale=draw(st.sampled_from((1.0, 2.5))))},
        **runtime,
    )
    chip: dict[str, object] = {
        "cores": draw(st.integers(1, 3)),
        "core_efficiency": draw(shares),
        "memory_core_efficiency": draw(st.none() | shares),
        "clock_hz": draw(st.sampled_from((1.0, 1e6))),
        "static_w": 0.5,
        "cycle_pj": 7.0,
        "mac_pj": {"8x8": 1.5, "f32": 4.0},
        "memories": memories,
    }
    fit = FitPlan(family="made", measurements=("made.csv",), constants=fitted)
    said: dict[str, object] = {"evidence": draw(st.none() | st.just(EVIDENCE)), "fit": fit}
    hardware = profile.hardware.model_copy(update=chip)
    return profile.model_copy(update={"hardware": hardware, **said})


@settings(max_examples=150)
@given(
    base=devices(),
    cores=st.integers(1, 4),
    clock_hz=st.sampled_from((1.0, 3e5)),
    graph=st.sampled_from(("residual", "mlp", "separable")),
)
def test_it_is_the_price_on_any_cores_at_any_clock(
    base: DeviceProfile, cores: int, clock_hz: float, graph: str
) -> None:
    program = lower(made(graph, "quantize"), base)
    counts = count(program)
    bill = bill_of(program, counts)
    check(bill, {}, price(program, counts))
    chip = {"cores": cores, "clock_hz": clock_hz}
    other = base.model_copy(update={"hardware": base.hardware.model_copy(update=chip)})
    values = {f"hardware.{key}": float(value) for key, value in chip.items()}
    check(bill, values, price(lower(program.graph, other), counts))
