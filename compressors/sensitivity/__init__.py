"""How much each layer minds: pruned alone, or given few bits alone, as tables."""

from compressors.sensitivity.pruning import RATIOS, ratios_within, scan_pruning
from compressors.sensitivity.widths import WIDTHS, scan_widths

__all__ = ["RATIOS", "WIDTHS", "ratios_within", "scan_pruning", "scan_widths"]
