"""All renderings of a matrix: structures of zeros against devices."""

from reports.matrix.as_csv import Csv
from reports.matrix.as_json import Json
from reports.matrix.html import Html
from reports.matrix.markdown import Markdown
from reports.matrix.terminal import Terminal, page

__all__ = ["Csv", "Html", "Json", "Markdown", "Terminal", "page"]
