"""What `hwsim calibrate` does, from the name of a runtime to the texts that it writes."""

from __future__ import annotations

import datetime
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import yaml

from hwsim.calibrate.calibration import Calibration, Setting, calibrate
from hwsim.calibrate.host import this_host
from hwsim.calibrate.layers import make_plan
from hwsim.calibrate.measure import Clock, Effort
from hwsim.calibrate.networks import NETWORKS
from hwsim.calibrate.report import report_of, table_of
from hwsim.calibrate.session import run_session
from hwsim.calibrate.sparse_layers import with_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hwsim.calibrate.runtimes import HostRuntime

_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What a calibration leaves.

    Attributes:
        text: The profile, as YAML.
        table: Every layer and network, measured and predicted, as CSV.
        report: What was found, line by line.
    """

    text: str
    table: str
    report: tuple[str, ...]


def calibrated(
    runtime: HostRuntime,
    name: str,
    *,
    threads: int,
    seed: int,
    patience_s: float,
    table: str = "",
    say: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
    share: float = 1.0,
    networks: Sequence[str] = NETWORKS,
) -> Calibrated:
    """Return a profile of this host.

    Args:
        runtime: What is measured.
        name: Of the profile, as its file will be called.
        threads: Of the runtime.
        seed: Draws the layers, and the order in which they are measured.
        patience_s: How long to wait for undisturbed moments.
        table: File that the samples will lie in; empty where they are not kept.
        say: Told what happens meanwhile.
        clock: What tells the time; the host's where None.
        share: Of the plan, for trials.
        networks: What is judged as a whole.

    Raises:
        MeasurementError: The host is too busy.
        UnsupportedError: Its package is missing.
    """
    version = runtime.version
    with _one_core(threads):
        session = run_session(
            runtime,
            with_sparse(make_plan(seed, share, runtime.types), runtime.formats, seed, share),
            networks,
            threads=threads,
            rng=np.random.default_rng(seed),
            clock=clock or Clock(),
            effort=Effort(limit_s=patience_s),
            on_ready=lambda count: say(f"{runtime.title} {version}: measuring {count} graphs"),
        )
    setting = Setting(
        name=name,
        runtime=runtime,
        version=version,
        host=this_host(),
        threads=threads,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        table=table,
    )
    made = calibrate(session, setting)
    return Calibrated(
        text=profile_text(made),
        table=table_of(made),
        report=report_of(made, session),
    )


def profile_text(made: Calibration) -> str:
    """Return the profile as YAML."""
    return yaml.dump(made.tree, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH)


class _Plain(yaml.SafeDumper):
    """Writes values that are alike in full: profiles may not refer to each other's parts."""

    def ignore_aliases(self, data: object) -> bool:
        """See `yaml.representer.BaseRepresenter.ignore_aliases`."""
        del data
        return True


@contextmanager
def _one_core(threads: int) -> Generator[None, None, None]:
    """Keep to one core meanwhile, where one thread is measured and the system can hold it there."""
    if threads > 1 or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
