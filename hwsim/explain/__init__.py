"""Explain: where a promised speed-up went, in bars that add up and in words."""

from hwsim.explain.attribute import attribute
from hwsim.explain.figures import phrase_of
from hwsim.explain.reasons import REASONS, Reason
from hwsim.explain.verdict import largest, lost_of, outcome_of, promise_of

__all__ = [
    "REASONS",
    "Reason",
    "attribute",
    "largest",
    "lost_of",
    "outcome_of",
    "phrase_of",
    "promise_of",
]
