"""Laws over all shipped device profiles, and examples of malformed ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

import hwsim.ops
from hwsim.errors import ProfileError
from hwsim.op import HEAVY_KINDS, LIGHT_KINDS, VIEW_KINDS, WORK_KINDS
from hwsim.ops.binary import BINARY_FUNCTIONS
from hwsim.ops.elementary import FUNCTIONS, work_kind
from hwsim.profile import (
    DeviceProfile,
    device,
    find_profile,
    known_devices,
    load_profile,
    problems,
    read_tree,
    unsourced,
)
from tests.cases import CASES, Case

# What an op counts as, beside its own kind, where the work differs.
FINER_KINDS = {"pointwise_conv2d", "depthwise_conv2d", "relu"}
# A graph of these is what every device is for.
BASIC_KINDS = {
    *(kind for kind in HEAVY_KINDS if kind not in ("conv2d_transpose", "lstm", "matmul")),
    *("add", "average_pool2d", "logistic", "relu", "tanh", "reshape", "softmax"),
}
OVERRIDDEN = "assumed: overridden"
FOLDER = Path(str(files("device_profiles")))

GOOD = """\
name: toy
description: A toy.
device_class: mcu
hardware:
  clock_hz: 1.0e+6
  memories:
    ram: {size_bytes: 1024, pj_per_byte: 1.0, holds: [weights, activations]}
  static_w: 0.0
  mac_pj: {8x8: 1.0}
runtime:
  name: toy
  version: "1"
  code_bytes: 0
  arena_bytes: 0
  kernels:
    gemm: {ops: [linear], types: {8x8: native}, cycles: {per_mac: 1.0}}
numerics: {policy: tflm, accumulator_bits: 32}
sources:
  hardware: "assumed: a toy"
  runtime: "assumed: a toy"
  numerics: "assumed: a toy"
"""


@pytest.fixture(params=known_devices())
def profile(request: pytest.FixtureRequest) -> DeviceProfile:
    return load_profile(request.param)


@pytest.mark.parametrize("name", known_devices())
def test_a_shipped_profile_has_no_problems(name: str) -> None:
    tree = read_tree(find_profile(name))
    assert problems(tree, name) == []
    assert unsourced(tree) == []


def test_the_kinds_of_work_are_those_of_the_ops() -> None:
    functions = {work_kind(name) for name in FUNCTIONS} | {*BINARY_FUNCTIONS}
    kinds = {op.kind for op in hwsim.ops.OPS} - {"binary", "elementary"} | functions
    assert {*WORK_KINDS} == {*kinds, *FINER_KINDS}
    assert len(WORK_KINDS) == len({*WORK_KINDS})
    for kinds in (HEAVY_KINDS, LIGHT_KINDS, VIEW_KINDS):
        assert [*kinds] == sorted(kinds)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_op_counts_as_a_known_kind(case: Case) -> None:
    assert case.op.workload(case.inputs, case.outputs).kind in WORK_KINDS


def test_kernels_take_the_basic_kinds(profile: DeviceProfile) -> None:
    assert {kind for rule in profile.runtime.kernels.values() for kind in rule.ops} >= BASIC_KINDS


def test_no_source_is_a_memory(profile: DeviceProfile) -> None:
    for text in profile.sources.values():
        assert "from memory" not in text
        assert "unverified" not in text
        assert text != OVERRIDDEN


def test_evidence_names_a_file_that_is_there(profile: DeviceProfile) -> None:
    evidence = profile.evidence
    assert profile.is_calibrated == (evidence is not None and evidence.against == "silicon")
    if profile.evidence is not None:
        for file in profile.evidence.measurements:
            assert (FOLDER / "measurements" / file).is_file()


def test_the_clock_can_be_overridden(profile: DeviceProfile) -> None:
    doubled = 2 * profile.hardware.clock_hz
    faster = device(profile.name, **{"hardware.clock_hz": doubled})
    assert faster.hardware.clock_hz == doubled
    assert faster.sha256 != profile.sha256
    # Cycles were measured at more than one clock; what is not cycles was not.
    assert faster.evidence == profile.evidence
    assert faster.sources["hardware.clock_hz"] == OVERRIDDEN
    assert device(profile.name, **{"hardware.static_w": 1.5}).evidence is None


def test_a_profile_read_twice_is_the_same(profile: DeviceProfile) -> None:
    again = load_profile(profile.name)
    assert again == profile
    assert again.sha256 == profile.sha256


def test_every_shipped_file_is_known() -> None:
    assert set(known_devices()) == {path.stem for path in FOLDER.glob("*.y*ml")}


def write(folder: Path, text: str | bytes, name: str = "toy") -> str:
    path = folder / f"{name}.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def problem(path: str, overrides: Mapping[str, object] | None = None) -> str:
    with pytest.raises(ProfileError) as caught:
        load_profile(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def complaints(path: str) -> list[str]:
    """Return what `hwsim check-profile` lists."""
    tree = read_tree(Path(path))
    return [*problems(tree, Path(path).stem), *unsourced(tree)]


def test_the_toy_loads(tmp_path: Path) -> None:
    toy = load_profile(write(tmp_path, GOOD))
    assert toy.runtime.kernels["gemm"].formats == {"dense": "native"}
    assert complaints(str(tmp_path / "toy.yaml")) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.0e+6", "480e6", ("hardware.clock_hz", "'480e6' (str)", "480.0e+6")),
        ("1.0e+6", "on", ("hardware.clock_hz", "True (bool)")),
        ("1.0e+6", "-1.0", ("hardware.clock_hz", "greater than or equal to 0.0", "-1.0 (float)")),
        ("1.0e+6", "0", ("hardware.clock_hz", "greater than or equal to 0.0")),
        ("1.0e+6", ".nan", ("hardware.clock_hz", "nan (float)")),
        ("1.0e+6", ".inf", ("hardware.clock_hz", "inf (float)")),
        ("clock_hz: 1.0e+6", "clock_mhz: 1", ("hardware.clock_hz", "required")),
        ("static_w: 0.0", "static_w: 0.0\n  static_mw: 5", ("hardware.static_mw", "no such key")),
        ("description: A toy.\n", "", ("description", "required")),
        ("device_class: mcu", "device_class: dsp", ("device_class", "'mcu'", "'dsp'")),
        ("size_bytes: 1024", "size_bytes: 10.5", ("ram.size_bytes", "10.5 (float)")),
        ("size_bytes: 1024", "size_bytes: ten", ("ram.size_bytes", "'ten' (str)")),
        ("[weights, activations]", "[wheat]", ("ram.holds", "'wheat'")),
        ("[weights, activations]", "weights", ("ram.holds", "'weights' (str)")),
        ("types: {8x8: native}", "types: {8x8: fast}", ("gemm.types.8x8", "'fast'")),
        ("ops: [linear]", "ops: []", ("gemm.ops", "at least 1")),
        ("ops: [linear]", "ops: linear", ("gemm.ops", "'linear' (str)")),
        (
            "ops: [linear]",
            "ops: [linear], takes: {columns: [9, 2]}",
            ("gemm.takes.columns", "least first", "[9, 2]"),
        ),
        ("cycles: {per_mac: 1.0}", "cycles: {}, formats: {2:4: native}", ("124", '"2:4"')),
        ("cycles: {per_mac: 1.0}", "cycles: {on: 1}", ("True (bool)", "quotes")),
        ("accumulator_bits: 32", "accumulator_bits: 7", ("accumulator_bits", "8", "7 (int)")),
        ('version: "1"', "version: 1.0", ("runtime.version", "1.0 (float)")),
        ("name: toy\ndesc", "name: toy\nname: tie\ndesc", ("'name'", "twice", "line")),
        ("per_mac: 1.0", "per_mac: 1.0, per_mac: 2.0", ("'per_mac'", "twice")),
        ("hardware:", "hardware: [", ("not readable as YAML",)),
        ("name: toy\ndesc", "name: !!python/none 1\ndesc", ("not readable as YAML",)),
        ("name: toy\ndesc", "name: 2020-99-99\ndesc", ("not readable as YAML",)),
        ("name: toy\ndesc", "name: *none\ndesc", ("not readable as YAML",)),
        ("name: toy\ndesc", "name: &a toy\nhardware: {x: *a}\ndesc", ("an alias", "line 2")),
        ("name: toy\ndesc", "name: " + 3000 * "[" + "\ndesc", ("not readable as YAML",)),
        ("name: toy\ndesc", "? [a, b]\n: 1\nname: toy\ndesc", ("toy.yaml",)),
        ("name: toy\ndesc", "? {a: b}\n: 1\nname: toy\ndesc", ("toy.yaml",)),
        ("name: toy\ndesc", "inherits: 7\nname: toy\ndesc", ("inherits", "7")),
        ("name: toy\ndesc", "inherits: nobody\nname: toy\ndesc", ("'nobody'", "hwsim devices")),
        ("name: toy\ndesc", "inherits: toy\nname: toy\ndesc", ("inherits", "'toy'")),
        ("sources:", "sources: none\nold:", ("sources", "'none' (str)")),
    ],
)
def test_a_malformed_profile_gives_one_clear_line(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in GOOD
    message = problem(write(tmp_path, GOOD.replace(old, new, 1)))
    assert message.startswith("toy")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ops: [linear]", "ops: [linear, lineal]", ("gemm.ops", "'lineal'", "matmul")),
        ("types: {8x8: native}", "types: {8x8: native, 17x8: native}", ("types.17x8", "16")),
        ("types: {8x8: native}", "types: {8x8: native, 8x0: decoded}", ("types.8x0",)),
        ("types: {8x8: native}", "types: {8x8: native, 08x8: native}", ("types.08x8",)),
        ("types: {8x8: native}", "types: {8x8: native, int8: native}", ("types.int8", "8x4")),
        ("types: {8x8: native}", "types: {8x8: native, f32x32: native}", ("types.f32x32",)),
        ("types: {8x8: native}", "types: {8x8: native, f16: native}", ("types.f16",)),
        ("types: {8x8: native}", "types: {8x8: native, f32x8: decoded}", ("mac_pj.f32", "linear")),
        ("types: {8x8: native}", "types: {4x4: native}", ("add hardware.mac_pj.4x4", "gives: 8x8")),
        ("types: {8x8: native}", "types: {4x2: decoded}", ("add hardware.mac_pj.4x4",)),
        ("types: {8x8: native}", "types: {}", ("gemm.types", "at least 1")),
        ("mac_pj: {8x8: 1.0}", "mac_pj: {8x8: 1.0, 8by8: 1.0}", ("hardware.mac_pj.8by8",)),
        ("{per_mac: 1.0}", "{per_mac: 1.0}, formats: {bitmaks: native}", ("'bitmaks'", "bitmask")),
        (
            "{per_mac: 1.0}",
            '{per_mac: 1.0}, formats: {"02:4": native}',
            ("'02:4'", "did you mean 2:4?"),
        ),
        ("{per_mac: 1.0}", '{per_mac: 1.0}, formats: {"4:2": native}', ("4:2", "dense")),
        ("{per_mac: 1.0}", "{per_mac: 1.0}, formats: {}", ("gemm.formats", "at least 1")),
        ("{per_mac: 1.0}", "{per_call: 1.0}", ("gemm.cycles.per_mac", "linear", "above 0")),
        ("{per_mac: 1.0}", "{per_mac: 0}", ("gemm.cycles.per_mac", "linear", "above 0")),
        ("ops: [linear]", "ops: [linear, add]", ("gemm.cycles", "nothing prices add")),
        ("policy: tflm", "policy: tlfm", ("numerics.policy", "'tlfm'", "tflm")),
        ("[weights, activations]", "[weights]", ("hardware.memories", "activations, got none")),
        ("[weights, activations]", "[activations]", ("hardware.memories", "weights, got none")),
        (
            "  static_w",
            "    rom: {size_bytes: 1, pj_per_byte: 1.0, holds: [weights]}\n  static_w",
            ("hardware.memories", "weights, got ram, rom"),
        ),
        ("  static_w", "  cores: 4\n  static_w", ("hardware.core_efficiency", "required", "4")),
        ("name: toy\ndesc", "name: tie\ndesc", ("name: expected 'toy'", "'tie'")),
        ("name: toy\ndesc", "desc", ("name: this key is required and never inherited",)),
        ("description: A toy.", "description: ''", ("description", "at least 1")),
        ("1.0e+6", "1.0e+300", ("hardware.clock_hz", "1e+300")),
        (
            '  numerics: "assumed: a toy"\n',
            '  numerics.accumulator_bits: "assumed: x"\n',
            ("policy",),
        ),
    ],
)
def test_nonsense_gives_exactly_one_clear_line(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    (line,) = complaints(path)
    assert "\n" not in line
    for word in words:
        assert word in line
    if problems(read_tree(Path(path)), "toy"):
        assert problem(path) == f"toy: {line}"


def test_a_check_lists_all_that_is_wrong(tmp_path: Path) -> None:
    text = GOOD.replace("policy: tflm", "policy: tlfm").replace("ops: [linear]", "ops: [lineal]")
    lines = complaints(write(tmp_path, text.replace('  hardware: "assumed: a toy"\n', "")))
    assert len(lines) == 2 + len(("clock_hz", "size_bytes", "pj_per_byte", "static_w", "mac_pj"))


def test_a_key_with_a_line_break_is_told_in_one_line(tmp_path: Path) -> None:
    text = GOOD.replace("types: {8x8: native}", 'types: {8x8: native, "8\\nx": native}')
    assert "8 x" in problem(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "NoneType"),
        ("- a\n- b\n", "list"),
        ("just text\n", "str"),
        ("480\n", "int"),
        (b"\x00\xff\xfe\x80", "not readable"),
        (b"\xff" * 8, "not readable"),
        ("a: 1\n---\nb: 2\n", "not readable"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str | bytes, word: str) -> None:
    message = problem(write(tmp_path, text))
    assert message.startswith("toy.yaml: ")
    assert word in message


def test_a_circle_of_heirs_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "inherits: b\n", "a")
    write(tmp_path, "inherits: c\n", "b")
    write(tmp_path, "inherits: a\n", "c")
    assert "inherits" in problem(str(tmp_path / "a.yaml"))


HEIR = "inherits: parent\nname: heir\ndescription: An heir.\n"


def test_an_heir_changes_leaves_and_loses_the_evidence(tmp_path: Path) -> None:
    evidence = (
        "evidence: {measurements: [x.csv], n: 3, left_out: row, held_out_mape: 0.1, "
        "held_out_median: 0.1, held_out_p90: 0.2, within_10: 0.5, within_20: 1.0, "
        "in_sample_mape: 0.1, macs_mape: 0.3, roofline_mape: 0.3}\n"
    )
    write(tmp_path, GOOD.replace("name: toy\nd", "name: parent\nd") + evidence, "parent")
    heir = load_profile(write(tmp_path, HEIR + "hardware: {clock_hz: 2.0e+6}\n", "heir"))
    parent = load_profile(str(tmp_path / "parent.yaml"))
    assert (heir.name, heir.description, heir.hardware.clock_hz) == ("heir", "An heir.", 2.0e6)
    assert heir.hardware.memories == parent.hardware.memories
    assert parent.is_calibrated
    assert not heir.is_calibrated


@pytest.mark.parametrize("key", ["name", "description"])
def test_an_heir_is_called_by_itself(tmp_path: Path, key: str) -> None:
    write(tmp_path, GOOD.replace("name: toy\nd", "name: parent\nd"), "parent")
    text = "\n".join(line for line in HEIR.splitlines() if not line.startswith(key))
    message = problem(write(tmp_path, text, "heir"))
    assert message == f"heir: {key}: this key is required and never inherited"


@pytest.mark.parametrize(
    ("text", "unsaid"),
    [
        ("hardware: {clock_hz: 2.0e+6}", ["hardware.clock_hz"]),
        ("numerics: {policy: xnnpack}", ["numerics.policy"]),
        (
            "runtime: {kernels: {gemm: {tile: {m: 2}, cycles: {per_call: 1.0}}}}",
            ["runtime.kernels.gemm.cycles.per_call", "runtime.kernels.gemm.tile.m"],
        ),
        ("hardware: {clock_hz: 2.0e+6}\nsources: {hardware.clock_hz: 'assumed: it'}", []),
        ("runtime: {version: '2'}", []),
    ],
)
def test_a_source_does_not_cover_what_an_heir_overrides(
    tmp_path: Path, text: str, unsaid: list[str]
) -> None:
    write(tmp_path, GOOD.replace("name: toy\nd", "name: parent\nd"), "parent")
    lines = complaints(write(tmp_path, HEIR + text, "heir"))
    assert sorted(line.partition(":")[0] for line in lines) == unsaid
    assert all("no source of its own" in line for line in lines)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), 1e300, "fast", True, None])
@pytest.mark.parametrize("key", ["clock_hz", "cores", "core_efficiency", "memories.ram.size_bytes"])
def test_an_absurd_override_is_refused(tmp_path: Path, key: str, value: object) -> None:
    message = problem(write(tmp_path, GOOD), {f"hardware.{key}": value})
    assert message.startswith(f"toy: hardware.{key}: ")


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e300, 10**400, "x", True])
@pytest.mark.parametrize(
    "key", ["hardware.static_w", "hardware.mac_pj.8x8", "runtime.kernels.gemm.cycles.per_output"]
)
def test_an_absurd_price_is_refused(tmp_path: Path, key: str, value: object) -> None:
    assert problem(write(tmp_path, GOOD), {key: value}).startswith(f"toy: {key}: ")


def test_an_override_says_so_in_the_sources(tmp_path: Path) -> None:
    toy = load_profile(
        write(tmp_path, GOOD),
        {"hardware.clock_hz": 2.0, "numerics.policy": "xnnpack", "runtime.version": "2"},
    )
    assert toy.sources == {
        "runtime": "assumed: a toy",
        "hardware.clock_hz": OVERRIDDEN,
        "hardware.memories": "assumed: a toy",
        "hardware.static_w": "assumed: a toy",
        "hardware.mac_pj": "assumed: a toy",
        "numerics.policy": OVERRIDDEN,
        "numerics.accumulator_bits": "assumed: a toy",
    }


def test_more_cores_need_an_efficiency(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert "hardware.core_efficiency" in problem(path, {"hardware.cores": 4})
    overrides = {"hardware.cores": 4, "hardware.core_efficiency": 1.0}
    assert load_profile(path, overrides).hardware.cores == 4


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("hardware.clock_mhz", 80.0, ("hardware.clock_mhz", "no such key", "clock_hz")),
        ("clock_hz", 80.0, ("clock_hz", "no such key", "hardware")),
        ("hardware.clock_hz.x", 80.0, ("'clock_hz'", "memories")),
        ("hardware", 80.0, ("section", "clock_hz")),
        ("hardware.memories.ram", 80.0, ("section", "size_bytes")),
        ("", 80.0, ("no such key",)),
        ("hardware.", 80.0, ("hardware.: there is no such key",)),
        ("hardware.memory.ram.size_bytes", 80, ("'memory'", "memories")),
        ("name", "tie", ("no such key", "'name'", "hardware")),
        ("sources.hardware", "assumed: x", ("'sources'", "hardware")),
        ("evidence.n", 80, ("'evidence'", "hardware")),
        ("hardware.clock_hz", "80e6", ("clock_hz", "'80e6' (str)")),
        ("hardware.clock_hz", {"a": 1}, ("clock_hz", "(dict)")),
        ("hardware.clock_hz", -80.0, ("clock_hz", "-80.0")),
    ],
)
def test_a_bad_override_gives_one_clear_line(
    tmp_path: Path, key: str, value: object, words: tuple[str, ...]
) -> None:
    message = problem(write(tmp_path, GOOD), {key: value})
    for word in words:
        assert word in message


def test_a_key_left_at_its_default_can_be_overridden(tmp_path: Path) -> None:
    toy = load_profile(
        write(tmp_path, GOOD),
        {"hardware.core_efficiency": 0.5, "hardware.memories.ram.bytes_per_cycle": 4.0},
    )
    assert toy.hardware.core_efficiency == 0.5
    assert toy.hardware.memories["ram"].bytes_per_cycle == 4.0


def test_an_unknown_device_is_answered_with_those_of_like_names() -> None:
    message = problem("stm32l4r5")
    assert "'stm32l4r5'" in message
    assert "stm32l4r5_tflm" in message
    assert "a100_cuda" not in message
    assert "hwsim devices" in problem("nobody_has_this")
    assert "no such profile file" in problem("nowhere.yaml")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('  hardware: "assumed: a toy"\n', "", "hardware.clock_hz: this number has no source"),
        ('hardware: "assumed: a toy"', 'hardware: "guess"', "sources.hardware: expected"),
        ('hardware: "assumed: a toy"', 'hardware: "assumed:"', "sources.hardware: expected"),
        ("sources:\n", 'sources:\n  hardware.x: "assumed: y"\n', "sources.hardware.x: there is no"),
    ],
)
def test_a_number_without_a_source_is_told(tmp_path: Path, old: str, new: str, word: str) -> None:
    lines = complaints(write(tmp_path, GOOD.replace(old, new, 1)))
    assert any(line.startswith(word) for line in lines)
