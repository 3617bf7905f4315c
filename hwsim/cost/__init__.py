"""Cost: count what a program does in whole numbers, then price the counts on its device."""

from hwsim.cost.count import count
from hwsim.cost.price import price

__all__ = ["count", "price"]
