"""Explain: where a promised speed-up went, in bars that add up and in words."""
