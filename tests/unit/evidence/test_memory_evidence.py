"""RAM and flash: a runtime's own bytes, held out, and what works in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.arena import buffers_of
from hwsim.errors import MeasurementError, ProfileError
from hwsim.evidence.memory import Demand, Memory, memory_errors, overhead
from hwsim.evidence.networks import network
from hwsim.interchange import load
from hwsim.lower import lower
from hwsim.memory import peak_bytes
from hwsim.profile import device

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

KIB = 1024
OWN = ("stm32h747_xcubeai", "stm32l4r5_tflm", "stm32h7a3_xcubeai")


def demand(topology: str, planned: int, steps: int, measured: float, per_step: int = 0) -> Demand:
    return Demand(
        topology=topology,
        measured=measured,
        planned=planned,
        steps=steps,
        shipped=planned,
        per_step=per_step,
    )


def line(count: int) -> list[Demand]:
    """Return rows that need 5000 bytes, and 300 per step, beside what is planned."""
    return [
        demand(f"t{i}", 1000 * i, 2 + i * i, 1000 * i + 5000 + 300 * (2 + i * i))
        for i in range(count)
    ]


def test_two_constants_are_found_where_rows_are_many() -> None:
    found = overhead(line(6))
    assert found.constant == pytest.approx(5000)
    assert found.per_step == pytest.approx(300)


def test_bytes_per_step_are_taken_as_given_where_rows_are_few() -> None:
    few = [replace(row, per_step=300) for row in line(4)]
    found = overhead(few)
    assert (found.constant, found.per_step) == (pytest.approx(5000), 300)
    assert overhead(line(4)).per_step == 0


def test_a_runtime_never_takes_less_than_nothing() -> None:
    found = overhead([demand(f"t{i}", 1000, i, 900) for i in range(8)])
    assert (found.constant, found.per_step) == (0, 0)


def test_a_topology_is_predicted_by_the_others(tmp_path: Path) -> None:
    """Two networks whose runtimes take 1000 and 3000 bytes of RAM: each predicts the other's."""
    profile = device("stm32l4r5_tflm")
    steps_bytes = profile.runtime.arena_bytes_per_step
    lines = ["profile,network,topology,ram_bytes,source"]
    planned: list[float] = []
    for name, own in (("mlperf_ad", 1000), ("mlperf_ic", 3000)):
        program = lower(network(name), profile)
        needed = program.footprint.peak_ram_bytes - profile.runtime.arena_bytes
        lines.append(f"stm32l4r5_tflm,{name},{name},{needed + own},here")
        planned.append(needed)
    table = tmp_path / "two.csv"
    table.write_text("\n".join(lines) + "\n")
    (found,) = memory_errors(["stm32l4r5_tflm"], [table])
    assert steps_bytes > 0
    assert found.ram is not None
    assert found.ram.held_out is not None
    expected = (2000 / (planned[0] + 1000) + 2000 / (planned[1] + 3000)) / 2
    assert found.ram.held_out.mape == pytest.approx(expected)


def errors(name: str) -> Memory:
    (found,) = memory_errors([name])
    return found


def test_profiles_without_rows_are_passed_over() -> None:
    assert memory_errors(["stm32l4r5_tvm", "stm32h7a3_xcubeai*"]) == []


def test_a_row_that_cannot_be_lowered_is_named(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("profile,network,ram_bytes,source\nstm32l4r5_tflm,no_such_network,1000,here\n")
    with pytest.raises(MeasurementError, match=r"mine\.csv: row 2: .*no_such_network"):
        memory_errors(["stm32l4r5_tflm"], [table])


def test_tflm_ram_and_flash() -> None:
    """EdgeMark: topologies left out of the runtime's own bytes miss by 6.4 % and 9.2 %."""
    found = errors("stm32l4r5_tflm")
    assert found.ram is not None
    assert found.flash is not None
    assert found.ram.held_out is not None
    assert found.flash.held_out is not None
    assert found.ram.held_out.n == found.flash.held_out.n == 69
    assert found.ram.held_out.mape < 0.08
    assert found.flash.held_out.mape < 0.11


def test_xcubeai_flash() -> None:
    """Model zoo: weights to the byte; the code of a topology left out misses by 4.3 %."""
    found = errors("stm32h747_xcubeai").flash
    assert found is not None
    assert found.held_out is not None
    assert found.held_out.n == 20
    assert found.held_out.mape < 0.06


@pytest.mark.parametrize("name", OWN)
def test_what_profiles_ship_is_what_their_rows_say(name: str) -> None:
    found, runtime = errors(name), device(name).runtime
    if found.ram is not None:
        assert runtime.arena_bytes == pytest.approx(found.ram.overhead.constant, rel=0.02)
        assert runtime.arena_bytes_per_step == pytest.approx(found.ram.overhead.per_step, rel=0.02)
    if found.flash is not None:
        assert runtime.code_bytes == pytest.approx(found.flash.overhead.constant, rel=0.02)
        assert runtime.code_bytes_per_step == pytest.approx(found.flash.overhead.per_step, rel=0.02)


# The model zoo's own tables: activations and weights of X-CUBE-AI 7.3, KiB with two digits.
PUBLISHED = {
    "stm32_mobilenet_v2_035_128": (224.5, 406.86),
    "stm32_mobilenet_v2_035_224": (686.5, 406.86),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_depthwise_layers_in_place_give_the_published_activations(name: str) -> None:
    profile = device("stm32h747_xcubeai", **{"runtime.version": "7.3"})
    program = lower(network(name), profile)
    activations_kib, weights_kib = PUBLISHED[name]
    assert peak_bytes(program.arena) / KIB == pytest.approx(activations_kib, rel=0.005)
    weights = program.footprint.flash_bytes - profile.runtime.code_bytes
    steps = sum(step.workload.output_elements > 0 for step in program.steps)
    weights -= steps * profile.runtime.code_bytes_per_step
    assert weights / KIB == pytest.approx(weights_kib, abs=0.01)


def test_an_output_in_place_begins_when_its_operand_ends() -> None:
    known = device("stm32h747_xcubeai")
    program = lower(network("stm32_mobilenet_v2_035_128"), known)
    buffers = {b.name: b for b in buffers_of(program.graph, program.steps, known.runtime)}
    step = next(s for s in program.steps if s.workload.kind == "depthwise_conv2d")
    operand, result = buffers[step.node.inputs[0]], buffers[step.node.outputs[0]]
    assert result.first == operand.last + 1
    assert not result.meets(operand)


def test_an_operand_that_is_read_again_stays(tmp_path: Path) -> None:
    """logistic(x) * x: the logistic must not lie over x, the product may lie over either."""
    table = tmp_path / "swish.csv"
    table.write_text(
        "name,op,inputs,height,width,channels\n"
        "input,input,,8,8,4\nlogistic1,logistic,input,,,\nmul1,mul,logistic1;input,,,\n"
    )
    known = device("stm32h747_xcubeai")
    program = lower(load(str(table)), known)
    sizes = [b.size_bytes for b in buffers_of(program.graph, program.steps, known.runtime)]
    assert sizes == [256, 256, 256]
    assert peak_bytes(program.arena) == 512


def test_both_operands_of_a_sum_never_lie_under_it() -> None:
    known = device("stm32h747_xcubeai")
    program = lower(network("stm32_mobilenet_v2_035_128"), known)
    buffers = {b.name: b for b in buffers_of(program.graph, program.steps, known.runtime)}
    sums = [step for step in program.steps if step.workload.kind == "add"]
    assert sums
    for step in sums:
        result = buffers[step.node.outputs[0]]
        assert sum(result.meets(buffers[tensor]) for tensor in step.node.inputs) == 1


def test_work_in_place_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"runtime\.in_place: no kind of work 'conv9d'"):
        device("stm32h7a3_xcubeai", **{"runtime.in_place": ["conv9d"]})
