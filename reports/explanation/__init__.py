"""All renderings of an explanation: where a promised speed-up went."""

from reports.explanation.as_csv import Csv
from reports.explanation.as_json import Json
from reports.explanation.html import Html
from reports.explanation.markdown import Markdown
from reports.explanation.terminal import Terminal

__all__ = ["Csv", "Html", "Json", "Markdown", "Terminal"]
