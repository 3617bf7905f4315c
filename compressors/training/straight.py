"""Gradients through rounding: integers go forward, slopes of reals come back.

Each function returns `made` exactly, since v - v.detach() is 0, with the gradients that it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor


def straight(made: Tensor, v: Tensor, inside: Tensor) -> Tensor:
    """Return `made` with the gradient of `v` where `inside`, none elsewhere.

    The straight-through estimator with clipping (Bengio et al., arXiv 1308.3432; Hubara et al.,
    arXiv 1602.02830, equation 4).

    Args:
        made: What integers mean; no gradient leads to it.
        v: The reals that were rounded to it.
        inside: Whether `v` lies in the range of the codes, bool or 0 and 1.
    """
    return made + inside * (v - v.detach())


def stepped(made: Tensor, v: Tensor, inside: Tensor, step: Tensor, gain: float) -> Tensor:
    """Return `made` as `straight` does, with the gradient of its step size too.

    d made / d step = q - v / step inside, q outside, where q = made / step are whole steps (LSQ,
    Esser et al., arXiv 1902.08153, equations 3 and 5).

    Args:
        made: q * step.
        v: As in `straight`.
        inside: As in `straight`.
        step: > 0, broadcast over `made`.
        gain: Factor of the step's gradient (section 2.2).
    """
    held = step.detach()
    slope = (made - inside * v.detach()) / held
    return straight(made, v, inside) + (gain * slope) * (step - held)


def clipped(made: Tensor, v: Tensor, inside: Tensor, top: Tensor) -> Tensor:
    """Return `made` as `straight` does, with the gradient of the top of its range too.

    d made / d top = 1 where v >= top, else 0 (PACT, Choi et al., arXiv 1805.06085, section 3).
    """
    held = top.detach()
    return straight(made, v, inside) + (v.detach() >= held) * (top - held)


def floats(values: Tensor) -> list[float]:
    """Return the values of a vector."""
    return cast("list[float]", values.detach().double().numpy().tolist())
