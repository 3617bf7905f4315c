"""The records that leave the simulator; reports read these and nothing else."""

from hwsim.records.attribution import (
    CAUSES,
    Advice,
    Attribution,
    Cause,
    Explanation,
    LayerAttribution,
)
from hwsim.records.bill import Bill, Charge, Sharing, StepBill, Transfer
from hwsim.records.comparison import Accuracy, Comparison, Overflow, Refusal, Result
from hwsim.records.detail import (
    SPREAD_SHARE,
    Alive,
    Detail,
    Provenance,
    Roof,
    Spread,
)
from hwsim.records.estimate import Counts, Estimate, ExecutedAs, Footprint, StepEstimate
from hwsim.records.matrix import Ladder, Matrix, Rung
from hwsim.records.points import Point, Points, Value
from hwsim.records.study import Study

__all__ = [
    "CAUSES",
    "SPREAD_SHARE",
    "Accuracy",
    "Advice",
    "Alive",
    "Attribution",
    "Bill",
    "Cause",
    "Charge",
    "Comparison",
    "Counts",
    "Detail",
    "Estimate",
    "ExecutedAs",
    "Explanation",
    "Footprint",
    "Ladder",
    "LayerAttribution",
    "Matrix",
    "Overflow",
    "Point",
    "Points",
    "Provenance",
    "Refusal",
    "Result",
    "Roof",
    "Rung",
    "Sharing",
    "Spread",
    "StepBill",
    "StepEstimate",
    "Study",
    "Transfer",
    "Value",
]
