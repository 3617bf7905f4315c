"""Re-price: what a counted program costs under other numbers, thousands of points at once."""

from hwsim.repricing.bill import bill_of
from hwsim.repricing.reprice import Prices, reprice
from hwsim.repricing.spreads import spreads_of
from hwsim.repricing.structure import price_keys, structure_of

__all__ = [
    "Prices",
    "bill_of",
    "price_keys",
    "reprice",
    "spreads_of",
    "structure_of",
]
