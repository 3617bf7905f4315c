"""Cost: count what a program does in whole numbers, then price the counts on its device."""

from hwsim.cost.by_density import count_by_density
from hwsim.cost.count import count
from hwsim.cost.price import price

__all__ = ["count", "count_by_density", "price"]
