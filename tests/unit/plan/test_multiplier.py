"""Which layers are multiplied by matrices, and where: only where all say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hwsim.kernels.micro.isa import Isa
from hwsim.kernels.micro.tiles import AMX
from hwsim.plan import multiplier
from hwsim.plan.multiplier import gains_by_tiles, has_tiles
from hwsim.plan.runs import Runs


def layer(positions: int, length: int) -> Runs:
    weights = np.zeros((32, 1, 1, length), np.int64)
    return Runs(images=(1, 1, positions, length), positions=(1, 1, positions), weights=weights)


@pytest.mark.parametrize(
    ("positions", "length", "gains"),
    [
        (1, 4096, False), (31, 512, False), (32, 64, True), (33, 64, False), (49, 1536, True),
        (2304, 64, True), (2304, 48, True), (2304, 47, False), (2304, 9, False), (2304, 65, False),
        (2304, 96, True), (64, 90, False),
    ],
)  # fmt: skip
def test_full_tiles_gain(positions: int, length: int, gains: bool) -> None:
    assert gains_by_tiles(layer(positions, length)) == gains


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what was asked for, of a machine that has everything."""
    questions: list[str] = []
    features = ",".join(f"+{name}" for name in AMX.features)

    def answered(name: str) -> Callable[..., bool]:
        return lambda *_: not questions.append(name)

    monkeypatch.setattr(multiplier, "target", lambda: ("any", features))
    monkeypatch.setattr(multiplier, "_is_granted", answered("system"))
    monkeypatch.setattr(multiplier, "agrees", answered("bytes"))
    monkeypatch.setattr(multiplier, "has_tiles", has_tiles.__wrapped__)
    return questions


def test_tiles_are_used_where_all_three_agree(asked: list[str]) -> None:
    assert multiplier.multiplier(layer(100, 64)) is AMX
    assert asked == ["system", "bytes"]
    assert multiplier.multiplier(layer(1, 64)) is not AMX
    assert asked == ["system", "bytes"]


@pytest.mark.parametrize("missing", ["amx-tile", "amx-int8", "avx512vnni"])
def test_no_feature_no_question(
    missing: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    features = ",".join(f"{'-' if name == missing else '+'}{name}" for name in AMX.features)
    monkeypatch.setattr(multiplier, "target", lambda: ("sapphirerapids", features))
    assert multiplier.multiplier(layer(100, 64)).name != "amx"
    assert asked == []


def test_no_permission_no_trial(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplier, "_is_granted", lambda: False)
    assert multiplier.multiplier(layer(100, 64)).name != "amx"
    assert asked == []


def test_other_bytes_no_tiles(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:

    def differs(*_: Isa) -> bool:
        return False

    monkeypatch.setattr(multiplier, "agrees", differs)
    assert multiplier.multiplier(layer(100, 64)).name != "amx"
    assert asked == ["system"]
