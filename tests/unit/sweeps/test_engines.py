"""Workers die, points do not: pools, executors, Dask, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import pytest

import compressors
import hwsim
from hwsim.frame import frame
from hwsim.records import Points
from hwsim.row import Recipe
from hwsim.store import Store
from hwsim.sweeps import sweep
from hwsim.sweeps.axes import Listed
from hwsim.sweeps.engines import on_processes
from hwsim.sweeps.plan import Plan, plan
from hwsim.sweeps.run import here, run
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template
from tests.graphs import residual
from tests.workers import Deadly, Waiting, victim

pytestmark = pytest.mark.slow

RECIPES = [compressors.parse(f"prune{{sparsity={s}}}") for s in (0.1, 0.5, 0.9)]
DEVICES = ("rpi4_xnnpack", "stm32l4r5_tflm")
CLOCKS = (40e6, 80e6, 160e6)


def asked(recipes: Sequence[Recipe]) -> Plan:
    return plan(
        SweepSpec(
            graphs=(residual(),),
            templates=tuple(Template.of(recipe, None) for recipe in recipes),
            devices=DEVICES,
            axes={"hardware.clock_hz": Listed(CLOCKS)},
        )
    )


def figures(points: Points) -> list[tuple[object, ...]]:
    return [(p.recipe, p.device, p.overrides, p.latency_s, p.energy_j) for p in points.points]


def test_a_pool_finds_what_one_process_finds() -> None:
    todo = asked(RECIPES)
    assert run(todo, on_processes(2)).points == run(todo, here).points


def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    todo = asked([*RECIPES, Waiting(str(tmp_path))])
    Thread(target=lambda: os.kill(victim(tmp_path), signal.SIGKILL), daemon=True).start()
    points = run(todo, on_processes(2)).points
    assert all(point.refused is None for point in points.points)
    assert figures(points) == figures(run(todo, here).points)


def test_a_point_that_kills_every_worker_is_refused_by_name_and_the_rest_is_done(
    tmp_path: Path,
) -> None:
    todo = asked([*RECIPES, Deadly(str(tmp_path), 99)])
    kept = Store.open(tmp_path / "runs.db")
    points = run(todo, on_processes(2), keeper=kept).points
    for point in points.points:
        assert (point.refused is not None) == (point.recipe == "deadly")
    refused = [point for point in points.points if point.refused]
    assert len(refused) == len(DEVICES) * len(CLOCKS)
    assert "a worker died twice" in (refused[0].refused or "")
    assert len(list(tmp_path.glob("death*"))) == 2
    # Another try may do: it is not kept as finished.
    assert len(kept.finished()) == len(points.points) - len(refused)
    kept.close()


def test_a_point_that_kills_one_worker_is_done_by_the_next(tmp_path: Path) -> None:
    todo = asked([Deadly(str(tmp_path), 1), *RECIPES])
    points = run(todo, on_processes(2)).points
    assert all(point.refused is None for point in points.points)


def test_the_executor_of_a_user_finds_the_same() -> None:
    axes = {"hardware.clock_hz": list(CLOCKS)}
    alone = sweep([residual()], RECIPES, DEVICES, axes=axes)
    with ThreadPoolExecutor(3) as pool:
        together = sweep([residual()], RECIPES, DEVICES, axes=axes, executor=pool)
    assert alone.equals(together)


def test_an_executor_that_breaks_refuses_what_is_left(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        table = sweep([residual()], [Deadly(str(tmp_path), 99)], DEVICES, executor=pool)
    assert table["refused"].str.contains("the executor given broke").all()


@pytest.mark.filterwarnings("ignore")
def test_dask_hands_out_again_what_a_killed_worker_had(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    from hwsim.sweeps.on_dask import on_client

    todo = asked([*RECIPES, Waiting(str(tmp_path))])
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        Thread(target=lambda: os.kill(victim(tmp_path), signal.SIGKILL), daemon=True).start()
        points = run(todo, on_client(client)).points
    assert figures(points) == figures(run(todo, here).points)


def test_ctrl_c_keeps_what_is_finished_and_says_so_in_one_line(tmp_path: Path) -> None:
    hwsim.save(residual(), tmp_path / "net.hwsim")
    hwsim.save(residual(), tmp_path / "same.hwsim")
    (tmp_path / "sweep.yaml").write_text(
        "version: 1\nmodels: [net.hwsim]\ndevices: [rpi4_xnnpack]\n"
        "recipes: [none, 'prune{sparsity={s}}']\naxes:\n"
        "  s: {from: 0.001, to: 0.999, steps: 3000}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", "from hwsim.cli import main; main()", "sweep", "sweep.yaml"]
    process = subprocess.Popen(
        [*command, "--store", "runs.db", "--jobs", "2"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # What is started in the background inherits that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while not _kept(tmp_path / "runs.db"):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=60)[1].strip().splitlines()
    assert process.returncode == 130
    assert len(told) == 1, told
    assert "interrupted" in told[0]
    assert "--resume" in told[0]
    kept = _kept(tmp_path / "runs.db")
    assert 0 < kept < 3001


def _kept(path: Path) -> int:
    if not path.exists():
        return 0
    with Store.read(path) as store:
        return len(frame(store.points()))
