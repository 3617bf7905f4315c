"""The version of hwsim; results carry it."""

__version__ = "0.1.0"
