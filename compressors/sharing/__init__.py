"""k-means on a line: few values that many weights share."""

from compressors.sharing.kmeans import Init, cluster, nearest
from compressors.sharing.points import Points

__all__ = ["Init", "Points", "cluster", "nearest"]
