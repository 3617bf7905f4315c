"""Packages that only comparisons need: imported when one is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from types import ModuleType


def package(name: str) -> ModuleType:
    """Return the module `name`.

    Raises:
        UnsupportedError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        top = name.partition(".")[0].replace("_", "-")
        raise UnsupportedError(
            f"comparing needs the package {top}, which cannot be imported ({error}); "
            "pip install 'hwsim[oracle]'"
        ) from error
