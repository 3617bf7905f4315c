"""Doors into and out of the house: one file per file format, found by suffix."""

from hwsim.interchange.files import FORMATS, load, save

__all__ = ["FORMATS", "load", "save"]
