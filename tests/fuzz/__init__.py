"""Fuzzers of everything that reads what a user brings; see docs/reliability.md."""
