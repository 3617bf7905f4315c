"""Sweep: evaluate models under recipes on devices, at every point of some axes."""

from hwsim.sweeps.from_python import sweep
from hwsim.sweeps.grid import Overrides, evaluate_rows, rows_of, targets_of

__all__ = ["Overrides", "evaluate_rows", "rows_of", "sweep", "targets_of"]
