"""The trainable twin of a graph, in torch; importing it takes seconds."""

from compressors.training.loop import Course
from compressors.training.twin import Twin, train

__all__ = ["Course", "Twin", "train"]
