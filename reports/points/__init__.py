"""What the points of a sweep come to: ranges, the best of each device, what was refused."""

from reports.points.as_json import as_json
from reports.points.markdown import as_markdown
from reports.points.terminal import page

__all__ = ["as_json", "as_markdown", "page"]
