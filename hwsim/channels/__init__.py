"""Channels: which positions of which tensors stand or fall together, which are dead, and cuts."""

from hwsim.channels.dead import losses, without_dead

__all__ = ["losses", "without_dead"]
