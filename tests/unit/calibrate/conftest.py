"""The command line in this process."""

from __future__ import annotations

import pytest

from tests.unit.cli.harness import Hwsim, runner


@pytest.fixture
def hwsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hwsim:
    return runner(monkeypatch, capsys)
