"""Vectors of arguments: whatever a user types, exit status 0, 1 or 2, and no traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.cli import main
from hwsim.interchange import save
from tests.graphs import mlp

# Not calibrate, which measures for minutes, and nothing that trains or searches.
COMMANDS = (
    "evaluate", "compare", "explain", "run", "compress", "devices", "device", "check-profile",
    "recipes", "formats", "matrix", "sweep", "report", "nothing", "",
)  # fmt: skip
OPTIONS = (
    "--device", "--recipe", "--data", "--train-data", "--set", "--json", "--html", "--md", "--csv",
    "--output", "--numerics", "--all-tensors", "--style", "--steps", "--store", "--layers",
    "--help",    "--version", "-x", "--",
)  # fmt: skip
VALUES = (
    "model.hwsim", "missing.hwsim", "folder", "corstone300_tflm", "cortex", "none", "prune",
    "prune{sparsity=0.5}", "prune{", "quantize", "hardware.clock_hz=80e6", "hardware.clock_hz=x",
    "scale.clock=2", "=", "out.json", "out.hwsim", "folder/out.csv", "none/out.csv", "/dev/null",
    "tflite-ref", "0", "-1", "", "\u00e9", "\u0000", "x" * 300, "os:nothing", "broken.yaml",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("typed")
    (made / "folder").mkdir()
    (made / "broken.yaml").write_text("a: [")
    save(mlp(), made / "model.hwsim")
    return made


arguments = st.lists(
    st.one_of(st.sampled_from(OPTIONS), st.sampled_from(VALUES), st.text(max_size=5)), max_size=7
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(command=st.sampled_from(COMMANDS), rest=arguments)
def test_no_vector_of_arguments_makes_a_traceback(
    command: str,
    rest: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["hwsim", command, *rest])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code in (0, 1, 2, None)
    assert "Traceback" not in said
    if left.value.code == 2:
        assert said.splitlines()[-1].startswith("hwsim: ")
