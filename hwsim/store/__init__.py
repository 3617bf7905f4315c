"""The store: points of a sweep that outlive the process that made them."""

from hwsim.store.store import Store

__all__ = ["Store"]
