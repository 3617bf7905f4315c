"""Every error that hwsim raises on purpose.

A message says where, what was expected, what came and what would do, in one line.
"""

from __future__ import annotations

# Names and values out of a damaged file are as long as the file.
_MOST_CHARACTERS = 2000


class HwsimError(Exception):
    """Base of all errors raised on purpose; the command line turns it into exit status 2."""

    def __str__(self) -> str:
        """Return the message on one line that a terminal can show, cut where it is long."""
        text = " ".join(super().__str__().split())
        if not text.isprintable():
            signs = (sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
            text = "".join(signs)
        return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


class GraphError(HwsimError):
    """A graph breaks its own rules: a shape, an order, a dangling name."""


class InterchangeError(HwsimError):
    """A file cannot be read or written: damaged, of an unknown kind, or beyond the format."""


class FormatError(HwsimError):
    """A weight cannot lie in the storage format asked for."""


class DataError(HwsimError):
    """Inputs or labels do not fit the model: shape, type, NaN, missing array."""


class ProfileError(HwsimError):
    """A device profile is malformed, unknown, or an override names no key of it."""


class MeasurementError(HwsimError):
    """A table of measurements is malformed, names what is not there, or is too small to fit."""


class RecipeError(HwsimError):
    """A recipe names an unknown step or setting, or a setting is out of its range."""


class UnsupportedError(HwsimError):
    """The device, policy or op cannot do what was asked; it is never priced as zero."""
