"""Store: the points of sweeps and searches, kept in one SQLite file as they finish."""
