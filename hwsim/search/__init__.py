"""Search: architectures and recipes, with the device's price in the loop."""

from hwsim.search.constraints import read_constraints, tightest
from hwsim.search.explore import SEARCHED, attempt, explore, require_labels, search
from hwsim.search.figures import Figures, figures_of
from hwsim.search.judging import judge_on, price_on
from hwsim.search.kept import Kept, Names
from hwsim.search.space import Choice, Space, Value
from hwsim.search.trial import Trial, front, table

__all__ = [
    "SEARCHED",
    "Choice",
    "Figures",
    "Kept",
    "Names",
    "Space",
    "Trial",
    "Value",
    "attempt",
    "explore",
    "figures_of",
    "front",
    "judge_on",
    "price_on",
    "read_constraints",
    "require_labels",
    "search",
    "table",
    "tightest",
]
