"""Plans: runs of 8-bit ops as tables of whole numbers, executed in one compiled call."""
