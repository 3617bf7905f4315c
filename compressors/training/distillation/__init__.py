"""Distillation in torch: what a teacher shows, the losses, and inputs made from nothing."""

from compressors.training.distillation.impressions import impressions_of
from compressors.training.distillation.student import born_again, distilled

__all__ = ["born_again", "distilled", "impressions_of"]
