"""Write a layer as several smaller ones: schemes of low rank, and how large the rank may be."""

from compressors.factorization.ranks import Cost, break_even_rank, cost_of, find_scheme
from compressors.factorization.scheme import Ranks, Scheme

__all__ = ["Cost", "Ranks", "Scheme", "break_even_rank", "cost_of", "find_scheme"]
