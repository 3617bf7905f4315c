"""Search: architectures and recipes, with the device's price in the loop."""

from hwsim.search.explore import attempt, explore, require_labels, search
from hwsim.search.space import Choice, Space, Value
from hwsim.search.trial import Trial, front, table

__all__ = [
    "Choice",
    "Space",
    "Trial",
    "Value",
    "attempt",
    "explore",
    "front",
    "require_labels",
    "search",
    "table",
]
