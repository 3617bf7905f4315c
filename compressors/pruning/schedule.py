"""How much is gone after each step of gradual pruning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ScheduleName: TypeAlias = Literal["one_shot", "iterative", "cubic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a schedule.

    Attributes:
        schedule: `one_shot`: all at once. `iterative`: each step removes the same share of what is
            left. `cubic`: fast at first, when much is superfluous.
        step: 1..steps.
        steps: How many there are.
    """

    schedule: ScheduleName
    step: int
    steps: int

    def sparsity(self, final: float) -> float:
        """Return the fraction of the original count that is gone after this step.

        Exactly `final` after the last. Iterative: Frankle and Carbin, arXiv 1803.03635, section 1:
        (1 - final)^(1 / steps) of what is left stays.

        Args:
            final: Fraction that is gone in the end, 0 <= final < 1.
        """
        if self.step == self.steps:
            return final
        if self.schedule == "cubic":
            return cubic(self.step, self.steps, 0.0, final)
        return 1.0 - (1.0 - final) ** (self.step / self.steps)


def stages(schedule: ScheduleName, steps: int) -> tuple[Stage, ...]:
    """Return the steps of a schedule, in order."""
    return tuple(Stage(schedule=schedule, step=i, steps=steps) for i in range(1, steps + 1))


def cubic(step: int, steps: int, initial: float, final: float) -> float:
    """Return s_f + (s_i - s_f) (1 - step / steps)^3.

    Zhu and Gupta, "To prune, or not to prune", arXiv 1710.01878, section 3, equation 1, with
    t0 = 0 and n dt = steps.
    """
    return final + (initial - final) * (1.0 - step / steps) ** 3
