"""Where compiled kernels lie on disk, and which old ones are thrown away."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

_KEPT = 4
# Younger folders may be those of a process that still runs.
_YOUNG_S = 24 * 3600


def kernel_folder(*compilers: str) -> Path:
    """Return a folder named after every source file of this package, and Numba's settings.

    Numba's own cache sees neither edits in a callee that lives in another file nor a changed
    setting such as bounds checks; a folder whose name is the digest of all that decides what is
    compiled can never serve stale machine code. Where it is new, all but the newest others go.

    Args:
        compilers: Versions of what compiles.
    """
    digest = hashlib.sha256(" ".join(compilers).encode())
    for name in sorted(name for name in os.environ if name.startswith("NUMBA_")):
        digest.update(f"{name}={os.environ[name]}".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = _own(home / "hwsim") / f"kernels-{digest.hexdigest()[:16]}"
    # A home that cannot be written, or that another process tidies up as well, is no failure.
    with contextlib.suppress(OSError):
        if folder.exists():
            os.utime(folder)
        else:
            forget_old(folder.parent)
    return folder


def _own(parent: Path) -> Path:
    """Return `parent`, made private; a new folder for this process where it is another user's.

    Machine code on disk is found through pickles, which run when they are read: whoever can write
    there can run anything here.
    """
    with contextlib.suppress(OSError):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        told = parent.stat()
    except OSError:
        return parent  # It is not there, and cannot be made: kernels are compiled in each process.
    if not hasattr(os, "getuid"):
        return parent
    if told.st_uid == os.getuid():
        if told.st_mode & 0o022:
            parent.chmod(told.st_mode & 0o755)
        return parent
    alone = Path(tempfile.mkdtemp(prefix="hwsim-kernels."))
    atexit.register(shutil.rmtree, alone, ignore_errors=True)
    return alone


def forget_old(parent: Path) -> None:
    """Remove the folders of kernels in `parent` that are neither young nor among the newest."""
    folders = sorted(parent.glob("kernels-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    oldest = time.time() - _YOUNG_S
    for folder in folders[_KEPT:]:
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
