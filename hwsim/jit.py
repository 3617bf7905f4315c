"""The one place where Numba is configured."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def _cache_folder() -> Path:
    """Return a folder named after every source file of this package, and Numba's settings.

    Numba's own cache sees neither edits in a callee that lives in another file nor a changed
    setting such as bounds checks; a folder whose name is the digest of all that decides what is
    compiled can never serve stale machine code.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for name in sorted(name for name in os.environ if name.startswith("NUMBA_")):
        digest.update(f"{name}={os.environ[name]}".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "hwsim" / f"kernels-{digest.hexdigest()[:16]}"


_FOLDER = _cache_folder()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` with the flags that all kernels share.

    No `fastmath`: results must be bit-exact. `nogil`: chunks of a batch run on several cores.
    """
    before = numba.config.CACHE_DIR  # pyright: ignore
    numba.config.CACHE_DIR = str(_FOLDER)  # pyright: ignore
    try:
        compiled = numba.njit(function, nogil=True, cache=True)  # pyright: ignore
    except RuntimeError:
        # No folder can be written (a read-only home): compile afresh in each process.
        compiled = numba.njit(function, nogil=True)  # pyright: ignore
    finally:
        numba.config.CACHE_DIR = before  # pyright: ignore
    return cast("Callable[P, R]", compiled)
