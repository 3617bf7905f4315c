"""The Ethos-U55 profiles against Vela, whose estimator they describe; no silicon stands behind it.

Vela's own two back ends differ by up to 12 % on these networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest

import compressors
import hwsim
from hwsim.cost import count, price
from hwsim.data import Data
from hwsim.evidence.measurement import FOLDER, Measurement, read_measurements
from hwsim.evidence.networks import network
from hwsim.graph import Graph
from hwsim.lower import lower
from tests.graphs import GraphBuilder, samples
from tests.oracle import vela

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(vela.command() is None, reason="needs the vela command of ethos-u-vela"),
]

SHARED: Final = Path(__file__).parents[3] / "shared" / "models"
MODELS: Final = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")
UNITS: Final = (128, 256)
PINNED: Final = "5.2.0"
# Of the rows shipped, small enough to be compiled again in a test.
AGAIN: Final = ("mlperf_kws", "mlperf_vww", "edgemark_cnn_4", "edgemark_fc_8")


def simulated_cycles(graph: Graph, macs: int) -> float:
    program = lower(graph, hwsim.device(f"ethos_u55_{macs}_vela"))
    return price(program, count(program)).latency_s * vela.CLOCK_HZ


@pytest.mark.parametrize("macs", UNITS)
@pytest.mark.parametrize("name", MODELS)
def test_reference_models_lie_within_a_fifth(name: str, macs: int, tmp_path: Path) -> None:
    path = SHARED / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    expected = vela.report(path, macs, tmp_path).cycles
    found = simulated_cycles(hwsim.load(str(path)), macs)
    print(f"{name} on {macs} MACs: Vela {expected:.0f}, hwsim {found:.0f} cycles")  # noqa: T201
    assert found == pytest.approx(expected, rel=0.2)


def rows() -> list[Measurement]:
    found = read_measurements(FOLDER / "vela.csv")
    return [row for row in found if row.network in AGAIN]


@pytest.mark.skipif(vela.installed() != PINNED, reason=f"the rows are of ethos-u-vela {PINNED}")
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.profile}-{row.network}")
def test_shipped_rows_are_what_vela_says(row: Measurement, tmp_path: Path) -> None:
    path = vela.written(network(row.network, row.types), tmp_path / "network.tflite")
    found = vela.report(path, int(row.profile.split("_")[2]), tmp_path)
    assert row.latency_s is not None
    assert found.cycles == pytest.approx(row.latency_s * vela.CLOCK_HZ, rel=1e-4)
    assert (found.ram_bytes, found.flash_bytes) == (row.ram_bytes, row.flash_bytes)


def layer(channels: int) -> Graph:
    """Return a quantized 3 x 3 convolution of 16 to `channels` channels on a map of 32 x 32."""
    builder = GraphBuilder("layer", 1, 32, 32, 16)
    graph = builder.done(builder.conv("conv", "x", channels))
    return compressors.parse("quantize").apply(graph, Data(x=samples(graph, 4)))


@pytest.mark.parametrize(
    ("macs", "channels", "least", "most"),
    [
        (128, 8, 1.8, 2.1),  # One block of 8 channels more, of one.
        (128, 16, 1.4, 1.5),  # One more, of two: half as long again, not twice.
        (256, 16, 1.35, 1.5),
        (128, 15, 0.99, 1.01),  # 16 channels cost no more than 15.
    ],
)
def test_one_channel_more_costs_a_block_in_both(
    macs: int, channels: int, least: float, most: float, tmp_path: Path
) -> None:
    said: list[float] = []
    simulated: list[float] = []
    for out in (channels, channels + 1):
        graph = layer(out)
        path = tmp_path / f"{out}.tflite"
        hwsim.save(graph, str(path))
        said.append(vela.report(path, macs, tmp_path).cycles)
        simulated.append(simulated_cycles(graph, macs))
    assert least < said[1] / said[0] < most
    assert least < simulated[1] / simulated[0] < most
    np.testing.assert_allclose(simulated, said, rtol=0.2)
