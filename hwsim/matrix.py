"""Structures of zeros against devices: how sparse a model must be before it pays."""
