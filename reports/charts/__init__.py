"""Draw a comparison as plotly figures. A new one is one file here and one line in the page."""

from reports.charts.bars import energy, flash, latency, ram
from reports.charts.breakdown import breakdown
from reports.charts.figure import Figure, colours
from reports.charts.tradeoff import tradeoff

__all__ = ["Figure", "breakdown", "colours", "energy", "flash", "latency", "ram", "tradeoff"]
