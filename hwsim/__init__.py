"""hwsim: what will this compressed model cost on that chip, is it right, and if not faster, why?

The whole program is one line: read -> compress -> lower -> execute, count -> price -> report.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hwsim.version import __version__

if TYPE_CHECKING:
    from hwsim.data import Data, load_data
    from hwsim.evaluation import evaluate
    from hwsim.execute import prepare, run
    from hwsim.interchange import load, save
    from hwsim.profile import device
    from hwsim.sweeps import sweep

# Where each name lives. They are imported when first used, so that `hwsim --help` and
# `import hwsim` do not wait for NumPy, Numba or torch.
_HOMES = {
    "Data": "hwsim.data",
    "device": "hwsim.profile",
    "evaluate": "hwsim.evaluation",
    "load": "hwsim.interchange",
    "load_data": "hwsim.data",
    "prepare": "hwsim.execute",
    "run": "hwsim.execute",
    "save": "hwsim.interchange",
    "sweep": "hwsim.sweeps",
}

__all__ = [
    "Data",
    "__version__",
    "device",
    "evaluate",
    "load",
    "load_data",
    "prepare",
    "run",
    "save",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import one of the names above when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hwsim' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
