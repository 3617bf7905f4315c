"""Advice: changes to a compressed model that were priced, and judged where there is data."""
