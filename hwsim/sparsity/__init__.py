"""Patterns of zeros: statistics that hardware cares about, exact and by density."""
