"""Names of roofs, widths that a profile does not admit, and evidence in words."""

from __future__ import annotations

from functools import cache

import compressors
from hwsim.data import Data
from hwsim.detail import WIDTHS
from hwsim.evaluation import bare, detailed, evaluate, priced
from hwsim.profile import load_profile
from hwsim.records import Detail
from tests import graphs
from tests.graphs import GraphBuilder, samples


@cache
def detail(device: str, recipe: str = "quantize", graph: str = "separable") -> Detail:
    source = getattr(graphs, graph)()
    made = compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))
    profile = load_profile(device)
    found = detailed(evaluate(made, profile), priced(made, profile)).detail
    assert found is not None
    return found


def test_nobody_pays_for_details_that_are_not_asked_for() -> None:
    graph, profile = graphs.mlp(), load_profile("rpi4_xnnpack")
    plain = evaluate(graph, profile)
    assert plain.detail is None
    assert bare(plain, priced(graph, profile)) is plain
    found = detailed(plain, priced(graph, profile))
    assert found.estimate is plain.estimate


def test_a_roof_says_what_it_counts() -> None:
    assert any("eie schedule" in roof.name for roof in detail("eie_sim").macs_roofs)
    csr = detail("gather_cpu_sim", "prune{sparsity=0.9}|quantize|encode{format=csr}")
    assert any("stored weights" in roof.name for roof in csr.macs_roofs)
    b = GraphBuilder("wide", 1, 8, 8, 16)
    wide, profile = b.done(b.conv("conv", "x", 16)), load_profile("rpi4_ncnn")
    reals = detailed(evaluate(wide, profile), priced(wide, profile)).detail
    assert reals is not None
    assert [roof.name for roof in reals.macs_roofs] == ["winograd_f32 f32, Winograd's products"]
    rates = [roof.per_s for roof in csr.macs_roofs]
    assert rates == sorted(rates, reverse=True)


def test_memories_have_roofs_where_they_are_timed() -> None:
    assert [roof.name for roof in detail("ethos_u55_256_vela").bytes_roofs] == ["sram", "flash"]
    assert detail("ethos_u55_256_vela").bytes_roofs[1].per_s == 0.5e9
    assert detail("stm32l4r5_tflm").bytes_roofs == ()


def test_arrays_have_one_width() -> None:
    assert set(detail("eie_sim").widths) == {1.0}
    assert set(detail("rpi4_xnnpack").widths) == set(WIDTHS)
    assert detail("rpi4_xnnpack").widths[1.0] is detail("rpi4_xnnpack").bill


def test_evidence_is_told_in_words() -> None:
    known = detail("stm32l4r5_tflm").provenance
    evidence = load_profile("stm32l4r5_tflm").evidence
    assert evidence is not None
    assert known.evidence is not None
    assert f"{evidence.n} measurements on real devices" in known.evidence
    assert known.held_out_mape == evidence.held_out_mape
    assert detail("h200_cuda").provenance.evidence is None
