"""Law: a point of a sweep has the figures of its model evaluated alone on its device."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compressors
from hwsim.evaluation import evaluate
from hwsim.profile import load_profile
from hwsim.records.points import Value
from hwsim.sweeps import sweep
from tests.graphs import residual

RECIPE = compressors.parse("prune{sparsity=0.9}|quantize{calibration=synthetic}|encode{format=csr}")
GRAPH = RECIPE.apply(residual())
FIGURES = ("latency_s", "latency_low_s", "latency_high_s", "energy_j")
WHOLE = ("peak_ram_bytes", "flash_bytes", "fits", "macs", "macs_effective")

# Keys that only price, keys that change counts, and factors of both kinds; each with its values.
_FACTORS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0])
_KEYS: Mapping[str, Mapping[str, st.SearchStrategy[Value]]] = {
    "rpi4_xnnpack": {
        "hardware.clock_hz": st.floats(1e8, 3e9),
        "hardware.cores": st.integers(1, 4),
        "scale.clock": _FACTORS,
        "scale.bandwidth": _FACTORS,
        "scale.simd": _FACTORS,
    },
    "gather_cpu_sim": {
        "hardware.clock_hz": st.floats(1e8, 3e9),
        "hardware.static_w": st.floats(0, 2),
        "hardware.memories.l1.size_bytes": st.sampled_from([8192, 32768, 65536]),
        "scale.clock": _FACTORS,
        "scale.bandwidth": _FACTORS,
        "scale.cache": _FACTORS,
    },
    "stm32l4r5_tflm": {
        "hardware.clock_hz": st.floats(1e6, 2e8),
        "hardware.cycle_pj": st.floats(0, 500),
        "hardware.memories.flash.pj_per_byte": st.floats(0, 50),
        "scale.simd": _FACTORS,
    },
    "sparse_pe64_sim": {"hardware.clock_hz": st.floats(1e6, 1e9), "scale.clock": _FACTORS},
}


@st.composite
def sweeps(draw: st.DrawFn) -> tuple[str, list[dict[str, Value]]]:
    """Return a device and points that all lay values over the same of its keys."""
    device = draw(st.sampled_from(sorted(_KEYS)))
    names = draw(st.lists(st.sampled_from(sorted(_KEYS[device])), min_size=1, unique=True))
    row = st.fixed_dictionaries({name: _KEYS[device][name] for name in names})
    return device, draw(st.lists(row, min_size=1, max_size=6))


@settings(max_examples=30, deadline=None)
@given(asked=sweeps())
def test_a_point_is_what_its_model_alone_costs(
    asked: tuple[str, list[dict[str, Value]]],
) -> None:
    device, points = asked
    table = sweep([GRAPH], [compressors.parse("none")], [device], sampling="list", points=points)
    for _, row in table.iterrows():
        own = {name: row[name] for name in points[0]}
        laid = next(p for p in points if all(p[name] == own[name] for name in own))
        assert row["refused"] is None
        alone = evaluate(GRAPH, load_profile(device, laid))
        estimate = alone.estimate
        told = (alone.latency_s, estimate.latency_low_s, estimate.latency_high_s, alone.energy_j)
        for name, value in zip(FIGURES, told, strict=True):
            assert row[name] == pytest.approx(value, rel=1e-12, abs=0), name
        counted = (alone.peak_ram_bytes, alone.flash_bytes, alone.fits, estimate.macs,
                   estimate.macs_effective)  # fmt: skip
        assert tuple(row[name] for name in WHOLE) == counted
        assert row["calibrated"] == alone.is_calibrated


@pytest.mark.parametrize("values", [[0.0, 1e6], [1e6, 0.0]])
def test_a_price_of_zero_hides_no_other(values: list[float]) -> None:
    axes = {"runtime.per_inference": values}
    table = sweep([GRAPH], [compressors.parse("none")], ["gather_cpu_sim"], axes=axes)
    alone = [
        evaluate(GRAPH, load_profile("gather_cpu_sim", {"runtime.per_inference": value})).latency_s
        for value in values
    ]
    assert table["latency_s"].tolist() == pytest.approx(alone, rel=1e-12, abs=0)
    assert alone[0] != alone[1]
