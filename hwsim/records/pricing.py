"""Rules of pricing that records are read by too: the page prices bills again, without a profile."""

from __future__ import annotations

from typing import Final

UNCALIBRATED_FACTOR: Final = 2.0
"""Without evidence, the truth is taken to lie within this factor: assumed, not measured."""

LEAST_BACKED: Final = 0.8
"""The share of an inference's time that terms with fitted prices must take."""

MEASURED_TOO: Final = ("hardware.clock_hz", "hardware.cores", "runtime.version")
"""Overrides that the evidence still speaks of: cycles carry over, the others were measured."""

STAGES: Final = (("mac", "tile_padding", "imbalance", "gated"), ("output",), ("weights",))
"""Terms of the units that work side by side in a pipelined kernel."""
