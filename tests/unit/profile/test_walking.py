"""What a profile says of zeros and looked-up places must fit together."""

from __future__ import annotations

from typing import Any

import pytest

from hwsim.errors import ProfileError
from hwsim.profile import device

RULE, MEMORIES = "runtime.kernels.walk", "hardware.memories"


def problem(name: str, settings: dict[str, Any]) -> str:
    with pytest.raises(ProfileError) as caught:
        device(name, **settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"zeros": "skip"}, "walk.zeros: Input should be 'multiply', 'gate', 'check' or"),
        ({"zeros": "check_activations", "tile.n": 2}, "walk.tile: expected m alone"),
        ({"zeros": "check_activations"}, "walk.formats.csr: expected decoded"),
        ({"zeros": "check_activations", "workers": 2}, "walk.zeros: expected no workers"),
        ({"skips_vectors": 65}, "walk.skips_vectors: Input should be less than or equal to 64"),
        ({"gathers": True}, "walk.gathers: expected a cache that activations are gathered through"),
        ({"scheduling": "queue"}, "walk.workers: expected 2 or more"),
        (
            {"workers": 2, "chunk": 2},
            "walk.chunk: expected 1, as static scheduling gives out single groups",
        ),
        ({"workers": 2, "units": 2}, "walk.units: expected 1"),
        ({"zeros": "check", "units": 2}, "walk.units: expected 1"),
        ({"skips_vectors": 8, "tile.k": 2}, "walk.tile.k: expected 1"),
        ({"skips_vectors": 8, "gathers": True}, "walk.gathers: expected false"),
        ({"schedule": "eie", "zeros": "gate"}, "walk.schedule: eie finds zeros by itself"),
        ({"schedule": "eie", "workers": 2}, "walk.schedule: eie finds zeros by itself"),
        ({"zeros": "check", "other_tiles": ({"m": 2},)}, "walk.other_tiles: expected none"),
    ],
)
def test_what_does_not_fit_together_is_told(settings: dict[str, Any], message: str) -> None:
    named = {f"{RULE}.{key}": value for key, value in settings.items()}
    assert f"sparse_pe64_sim: runtime.kernels.{message}" in problem("sparse_pe64_sim", named)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"l1.ways": None}, "l1.ways: this key is required, as line_bytes and ways go together"),
        ({"l1.line_bytes": None}, "l1.line_bytes: this key is required"),
        (
            {"dram.ways": 2, "dram.line_bytes": 64},
            "dram.ways: expected none, as what holds weights",
        ),
        ({"l1.line_bytes": 48}, "l1: line_bytes: expected a power of two, got 48"),
        ({"l1.ways": 3}, "l1: size_bytes: expected a multiple of line_bytes * ways = 192"),
        ({"l1.size_bytes": 1 << 40}, "l1.size_bytes: expected at most 67108864 lines of 64 bytes"),
        ({"l1.line_bytes": 128}, "l2: line_bytes: expected at least the 128 of l1, got 64"),
    ],
)
def test_caches_are_caches(settings: dict[str, Any], message: str) -> None:
    named = {f"{MEMORIES}.{key}": value for key, value in settings.items()}
    assert f"gather_cpu_sim: {MEMORIES}.{message}" in problem("gather_cpu_sim", named)


@pytest.mark.parametrize(("memory", "cache"), [("l2", "l1"), ("dram", "l2")])
def test_a_kernel_that_gathers_needs_the_latency_of_every_miss(memory: str, cache: str) -> None:
    key = f"{MEMORIES}.{memory}.latency_cycles"
    message = f"csr_vector.gathers: {cache} fetches lines from {memory}, whose latency is not known"
    assert message in problem("gather_cpu_sim", {key: None})


def test_winograd_finds_no_zeros() -> None:
    rules = device("rpi4_ncnn").runtime.kernels
    name = next(name for name, rule in rules.items() if rule.winograd)
    told = problem("rpi4_ncnn", {f"runtime.kernels.{name}.zeros": "gate"})
    assert f"{name}.winograd: transformed weights have no zeros" in told


def test_what_fits_together_loads() -> None:
    named = {"zeros": "check", "skips_vectors": 8, "workers": 4, "scheduling": "queue", "chunk": 2}
    rule = device("sparse_pe64_sim", **{f"{RULE}.{k}": v for k, v in named.items()}).runtime.kernels
    assert rule["walk"].finds_zeros
    assert not rule["walk"].sees_activations
    assert device("eie_sim").runtime.kernels["walk"].sees_activations


def test_lines_come_from_the_next_cache_or_from_home() -> None:
    assert device("gather_cpu_sim").hardware.fetched_from == {"l1": "l2", "l2": "dram"}
    assert device("rpi4_xnnpack").hardware.fetched_from == {}
