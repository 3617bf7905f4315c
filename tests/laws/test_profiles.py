"""Laws over all shipped device profiles, and examples of malformed ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

import hwsim.ops
from hwsim.errors import ProfileError
from hwsim.formats.find import find_format
from hwsim.numerics.policy import find_policy
from hwsim.profile import DeviceProfile, device, known_devices, load_profile, unsourced

# What a convolution counts as, beside its own kind.
CONVOLUTIONS = ("pointwise_conv2d", "depthwise_conv2d")
KINDS = {*(op.kind for op in hwsim.ops.OPS), *CONVOLUTIONS}
# A graph of these is what every device is for.
BASIC_KINDS = {*CONVOLUTIONS, "conv2d", "linear", "add", "average_pool2d", "reshape", "softmax"}
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
def test_a_profile_bears_the_name_of_its_file(name: str) -> None:
    assert load_profile(name).name == name


def test_every_number_has_a_source_and_every_source_a_number(profile: DeviceProfile) -> None:
    assert unsourced(profile) == []


def test_kernels_take_op_kinds_that_exist(profile: DeviceProfile) -> None:
    kinds = {kind for rule in profile.runtime.kernels.values() for kind in rule.ops}
    assert kinds <= KINDS
    assert kinds >= BASIC_KINDS


def test_kernels_take_formats_that_exist(profile: DeviceProfile) -> None:
    for rule in profile.runtime.kernels.values():
        for name in rule.formats:
            assert find_format(name).name == name


def test_every_multiplication_has_an_energy(profile: DeviceProfile) -> None:
    products = {*CONVOLUTIONS, "conv2d", "linear", "matmul"}
    for rule in profile.runtime.kernels.values():
        if products & set(rule.ops):
            native = {types for types, support in rule.types.items() if support == "native"}
            assert native <= set(profile.hardware.mac_pj)


def test_every_product_costs_time(profile: DeviceProfile) -> None:
    products = {*CONVOLUTIONS, "conv2d", "linear", "matmul"}
    for name, rule in profile.runtime.kernels.items():
        if products & set(rule.ops):
            assert rule.cycles.per_mac > 0, name


def test_what_is_unpacked_has_something_to_be_unpacked_to(profile: DeviceProfile) -> None:
    for rule in profile.runtime.kernels.values():
        assert "native" in rule.types.values()
        for types, support in rule.types.items():
            if support == "decoded":
                activation_bits = types.split("x", maxsplit=1)[0]
                assert f"{activation_bits}x{activation_bits}" in profile.hardware.mac_pj


def test_the_numerics_policy_exists(profile: DeviceProfile) -> None:
    assert find_policy(profile.numerics.policy).name == profile.numerics.policy


def test_weights_and_activations_have_a_home(profile: DeviceProfile) -> None:
    held = {what for memory in profile.hardware.memories.values() for what in memory.holds}
    assert held == {"weights", "activations"}


def test_evidence_names_a_file_that_is_there(profile: DeviceProfile) -> None:
    assert profile.is_calibrated == (profile.evidence is not None)
    if profile.evidence is not None:
        assert (FOLDER / "measurements" / profile.evidence.measurements).is_file()


def test_the_clock_can_be_overridden(profile: DeviceProfile) -> None:
    doubled = 2 * profile.hardware.clock_hz
    faster = device(profile.name, **{"hardware.clock_hz": doubled})
    assert faster.hardware.clock_hz == doubled
    assert faster.sha256 != profile.sha256
    assert not faster.is_calibrated


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


def test_the_toy_loads(tmp_path: Path) -> None:
    toy = load_profile(write(tmp_path, GOOD))
    assert toy.runtime.kernels["gemm"].formats == {"dense": "native"}
    assert unsourced(toy) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.0e+6", "480e6", ("hardware.clock_hz", "'480e6' (str)", "480.0e+6")),
        ("1.0e+6", "on", ("hardware.clock_hz", "True (bool)")),
        ("1.0e+6", "-1.0", ("hardware.clock_hz", "greater than 0", "-1.0 (float)")),
        ("1.0e+6", "0", ("hardware.clock_hz", "greater than 0")),
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
        ("cycles: {per_mac: 1.0}", "cycles: {}, formats: {2:4: native}", ("124", '"2:4"')),
        ("cycles: {per_mac: 1.0}", "cycles: {on: 1}", ("True (bool)", "quotes")),
        ("accumulator_bits: 32", "accumulator_bits: 16", ("accumulator_bits", "32", "16 (int)")),
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
        ("name: toy\ndesc", "inherits: nobody\nname: toy\ndesc", ("'nobody'", "known")),
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


def test_an_heir_changes_leaves_and_loses_the_evidence(tmp_path: Path) -> None:
    evidence = "evidence: {measurements: x.csv, n: 3, held_out_mape: 0.1}\n"
    write(tmp_path, GOOD + evidence, "parent")
    heir = load_profile(
        write(tmp_path, "inherits: parent\nname: heir\nhardware: {clock_hz: 2.0e+6}\n", "heir")
    )
    parent = load_profile(str(tmp_path / "parent.yaml"))
    assert (heir.name, heir.hardware.clock_hz) == ("heir", 2.0e6)
    assert heir.hardware.memories == parent.hardware.memories
    assert parent.is_calibrated
    assert not heir.is_calibrated


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
        {"hardware.cores": 2, "hardware.memories.ram.bytes_per_cycle": 4.0},
    )
    assert toy.hardware.cores == 2
    assert toy.hardware.memories["ram"].bytes_per_cycle == 4.0


def test_an_unknown_device_is_answered_with_those_that_exist() -> None:
    message = problem("cortex_m9")
    assert "'cortex_m9'" in message
    assert "stm32l4r5_tflm" in message
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
    lines = unsourced(load_profile(write(tmp_path, GOOD.replace(old, new, 1))))
    assert any(line.startswith(word) for line in lines)
