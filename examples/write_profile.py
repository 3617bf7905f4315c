"""Write a device profile, check it and use it: `python examples/write_profile.py`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import hwsim
from hwsim.profile import problems, read_tree, unsourced

PROFILE = """
name: faster_board_tflm
description: A board like the STM32L4R5 at 160 MHz
inherits: stm32l4r5_tflm
hardware: {clock_hz: 160.0e+6}
sources: {hardware.clock_hz: "assumed: what if it ran at 160 MHz"}
"""

with TemporaryDirectory() as folder:
    file = Path(folder) / "faster_board_tflm.yaml"
    file.write_text(PROFILE, encoding="utf-8")
    tree = read_tree(file)
    print("wrong with it:", [*problems(tree, file.stem), *unsourced(tree)])
    graph = hwsim.load("examples/topologies/mobilenet_v1_025_96.csv")
    for device in ("stm32l4r5_tflm", str(file)):
        result = hwsim.evaluate(graph, device)
        print(
            f"{result.device}: {result.latency_s * 1e3:.0f} ms, calibrated: {result.is_calibrated}"
        )
