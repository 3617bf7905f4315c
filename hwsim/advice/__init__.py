"""Advice: changes to a compressed model that were priced, and judged where there is data."""

from hwsim.advice.advise import advise
from hwsim.advice.devices import channel_multiple, native_formats

__all__ = ["advise", "channel_multiple", "native_formats"]
