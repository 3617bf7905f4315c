"""Write all pages."""

from __future__ import annotations

from pathlib import Path

from hwsim.profile import known_devices
from tests.device_pages.index import index
from tests.device_pages.page import page

FOLDER = Path(__file__).parents[2] / "docs" / "devices"

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    (FOLDER / "README.md").write_text(index(), encoding="utf-8")
    for name in known_devices():
        (FOLDER / f"{name}.md").write_text(page(name), encoding="utf-8")
