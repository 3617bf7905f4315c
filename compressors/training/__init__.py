"""The trainable twin of a graph, in torch; importing it takes seconds."""

from compressors.training.twin import Twin, train

__all__ = ["Twin", "train"]
