"""Every error that hwsim raises on purpose.

A message says where, what was expected, what came and what would do, in one line.
"""


class HwsimError(Exception):
    """Base of all errors raised on purpose; the command line turns it into exit status 2."""


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
