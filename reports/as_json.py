"""JSON: every figure in SI units, for scripts. Keys are a contract: add, do not rename."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from reports.facts import facts

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result, StepEstimate
    from reports.facts import Facts


@dataclass(frozen=True, slots=True)
class Json:
    """See `Report`."""

    name: ClassVar[str] = "json"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`.

        Raises:
            ValueError: A figure is NaN or infinite; JSON has no word for either.
        """
        document = {
            "hwsim_version": comparison.version,
            "baseline": comparison.baseline,
            "results": [
                _result(known, result)
                for known, result in zip(facts(comparison), comparison.results, strict=True)
            ],
            "refusals": [asdict(refusal) for refusal in comparison.refusals],
        }
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _result(known: Facts, result: Result) -> dict[str, object]:
    fields = asdict(known)
    top1, n = fields.pop("top1"), fields.pop("n")
    accuracy = None if n is None else {"top1": top1, "n": n}
    return {
        **fields,
        # A document of single samples stays what it was.
        **({} if result.batch == 1 else {"batch": result.batch}),
        "accuracy": accuracy,
        "overflows": [{**asdict(o), "share": o.share} for o in result.overflows],
        "steps": [_step(step) for step in result.estimate.steps],
    }


def _step(step: StepEstimate) -> dict[str, object]:
    counts = {**asdict(step.counts), "traffic_bytes": dict(step.counts.traffic_bytes)}
    return {
        "name": step.name,
        "op": step.op,
        "kernel": step.kernel,
        "types": step.types,
        "executed_as": step.executed_as,
        "reason": step.reason,
        "latency_s": step.latency_s,
        "terms": dict(step.terms_s),
        "energy_j": step.energy_j,
        "energy_terms": dict(step.energy_terms_j),
        "counts": counts,
    }
