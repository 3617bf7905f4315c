"""How long a sweep of 10,000 points takes from the command line: `python -m tests.bench.sweeps`."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import hwsim
from tests.bench.networks import mobilenet_v2, quantized

_SWEEP = """
version: 1
models: [net.hwsim]
devices: [rpi4_xnnpack, rpi3_xnnpack, gather_cpu_sim, t4_tensorrt]
axes:
  scale.clock: {from: 0.5, to: 2.0, steps: 25, scale: log}
  scale.bandwidth: {from: 0.5, to: 2.0, steps: 20, scale: log}
  scale.simd: [0.25, 0.5, 1, 2, 4]
"""
_COMMAND = (sys.executable, "-c", "from hwsim.cli import main; main()", "sweep", "sweep.yaml")


def main() -> None:
    """Print wall and processor time of the sweep, cold, with a store and a CSV file."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        hwsim.save(quantized(mobilenet_v2()), folder / "net.hwsim")
        (folder / "sweep.yaml").write_text(_SWEEP, encoding="utf-8")
        begun = time.perf_counter()
        command = (*_COMMAND, "--store", "runs.db", "--csv", "points.csv")
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        wall_s = time.perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        points = len((folder / "points.csv").read_text(encoding="utf-8").splitlines()) - 1
    print(f"{points} points: {wall_s:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor")


if __name__ == "__main__":
    main()
