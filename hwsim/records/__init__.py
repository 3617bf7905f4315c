"""The records that leave the simulator; reports read these and nothing else."""

from hwsim.records.attribution import (
    CAUSES,
    Advice,
    Attribution,
    Cause,
    Explanation,
    LayerAttribution,
)
from hwsim.records.comparison import Accuracy, Comparison, Overflow, Refusal, Result
from hwsim.records.estimate import Counts, Estimate, ExecutedAs, Footprint, StepEstimate
from hwsim.records.matrix import Ladder, Matrix, Rung

__all__ = [
    "CAUSES",
    "Accuracy",
    "Advice",
    "Attribution",
    "Cause",
    "Comparison",
    "Counts",
    "Estimate",
    "ExecutedAs",
    "Explanation",
    "Footprint",
    "Ladder",
    "LayerAttribution",
    "Matrix",
    "Overflow",
    "Refusal",
    "Result",
    "Rung",
    "StepEstimate",
]
