"""All renderings of a comparison. A new one is one file here and one line below."""

from reports._report import Report
from reports.as_csv import Csv
from reports.as_json import Json
from reports.html import Html
from reports.markdown import Markdown
from reports.terminal import Terminal

REPORTS: tuple[Report, ...] = (
    Csv(),
    Html(),
    Json(),
    Markdown(),
    Terminal(),
)

__all__ = ["REPORTS", "Csv", "Html", "Json", "Markdown", "Report", "Terminal"]
