"""One self-contained page that shows a study. A new section is one line in `sections.py`."""

from reports.page.document import render

__all__ = ["render"]
