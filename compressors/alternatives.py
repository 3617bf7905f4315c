"""Other recipes for the same aim: another structure of zeros, fewer channels, other widths."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import ValidationError

from compressors.adaround import Adaround
from compressors.distill import Distill
from compressors.encode import Encode
from compressors.finetune import Finetune
from compressors.gptq import Gptq
from compressors.identity import Identity
from compressors.iterative_clip import IterativeClip
from compressors.prune import Prune
from compressors.pruning.quota import read_ratios
from compressors.qat import Qat
from compressors.quantization.plan import REAL_BITS
from compressors.quantize import Quantize
from hwsim.formats import NM, Block, Dense, Signs, Trits
from hwsim.formats.find import find_format, pattern_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from compressors._compressor import Compressor
    from compressors.recipe import Recipe
    from hwsim.formats import Format

_Step = TypeVar("_Step", bound="Compressor")
_Convert: TypeAlias = "Callable[[float], float]"

WIDTHS = (8, 4)
"""Bits of weights that are tried."""

_DECIMALS = 4
_ONE_SHOT = {"schedule": "one_shot", "steps": 1}
_MOST_PATTERNS = 2
_KNOWN_PATTERNS = ("2:4", "1:4")
# What holds any zeros wherever they lie has none of these.
_SPECIAL = (Block, Dense, NM, Signs, Trits)


def alternatives(
    recipe: Recipe, formats: Sequence[str], channel_multiple: int
) -> dict[str, Recipe]:
    """Return recipes that differ from `recipe` in one thing, by their spec strings.

    The last pruning step gets every other structure that lies in one of `formats`: single weights
    in the first that holds them anywhere, two of `n:m` (2:4 and 1:4 before others), `blockRxC` for
    `bsrRxC`; and whole filters, rounded to `channel_multiple`. Steps of `encode` go then, as the
    structure says how it is stored. The share of weights that are zero is carried over; n:m has
    its own, 1 - n / m.
    Filters: a layer that loses the fraction f of its filters while the layer before it does, too,
    keeps (1 - f)^2 of its multiply-accumulates, so f = 1 - sqrt(1 - share) makes the effective ones
    about equal. Fractions of single layers (`ratios`) are carried over likewise. A threshold says
    no share, and heads and blocks are no share of every layer: such steps stay.

    Quantizing steps (quantize, qat, gptq, adaround, iterative_clip) get weights of 8 and 4 bits.

    Steps that train stay; `without_training` leaves them out.

    Args:
        recipe: What was tried.
        formats: What the device takes as it lies, such as `hwsim.advice.native_formats` lists.
        channel_multiple: Such as `hwsim.advice.channel_multiple` gives; at least 1.

    Raises:
        FormatError: One of `formats` is none.
    """
    made = [
        *_other_structures(recipe, formats, channel_multiple),
        *(_with_width(recipe, bits) for bits in WIDTHS),
    ]
    return {str(own): own for own in made if own is not None and own != recipe}


def trains(recipe: Recipe) -> bool:
    """Return whether some step trains weights on labelled data: minutes rather than seconds."""
    return any(_untrained(step) != step for step in recipe.steps)


def without_training(recipe: Recipe) -> Recipe:
    """Return `recipe` as far as its price needs it: same shapes, zeros and widths, no training.

    finetune and distill go, qat and iterative_clip become quantize with their widths, prune works
    in one go and by magnitude where it would have watched training. What it makes costs what the
    recipe's graph costs, as far as the places of zeros do not depend on training; its accuracy is
    another. Student networks keep their shape: distill never changes it.
    """
    steps = [own for step in recipe.steps if (own := _untrained(step)) is not None]
    return replace(recipe, steps=tuple(steps) or (Identity(),), label="")


def _untrained(step: Compressor) -> Compressor | None:
    """Return what stands for `step` where nobody trains; None for nothing."""
    if isinstance(step, (Finetune, Distill)):
        return None
    if isinstance(step, Qat):
        shared = Qat.model_fields.keys() & Quantize.model_fields.keys()
        return Quantize.model_validate({key: getattr(step, key) for key in shared})
    if isinstance(step, IterativeClip):
        scheme = "uniform" if step.schedule == "clip" else "power_of_two"
        return Quantize(
            weights=step.weights,
            activations=REAL_BITS,
            scheme=scheme,
            granularity=step.granularity,
        )
    if isinstance(step, Prune):
        if step.criterion == "movement":
            step = _changed(step, criterion="l1") or step
        return _changed(step, **_ONE_SHOT) if step.steps > 1 and step.epochs else step
    return step


def _changed(step: _Step, **settings: object) -> _Step | None:
    """Return `step` with other settings; None where they do not go together."""
    own: dict[str, Any] = {key: getattr(step, key) for key in type(step).model_fields}
    try:
        return type(step).model_validate(own | settings)
    except ValidationError:
        return None


def _with_width(recipe: Recipe, bits: int) -> Recipe | None:
    """Return `recipe` with weights of `bits`; None where a step cannot, or none quantizes."""
    steps: list[Compressor] = []
    for step in recipe.steps:
        own: Compressor | None = step
        if isinstance(step, (Quantize, Qat)):
            # Schemes such as ternary have widths of their own.
            other = _changed(step, weights=bits, scheme="uniform")
            own = _changed(step, weights=bits) or other
        elif isinstance(step, IterativeClip):
            own = _changed(step, weights=bits)
        elif isinstance(step, (Gptq, Adaround)):
            own = _changed(step, bits=bits)
        if own is None:
            return None
        steps.append(own)
    return replace(recipe, steps=tuple(steps), label="")


def _other_structures(
    recipe: Recipe, formats: Sequence[str], channel_multiple: int
) -> Iterator[Recipe]:
    places = [i for i, step in enumerate(recipe.steps) if isinstance(step, Prune)]
    if not places:
        return
    step = recipe.steps[places[-1]]
    assert isinstance(step, Prune)
    share = _shares(step)
    if share is None:
        return
    for own in _pruned(step, share, formats, channel_multiple):
        steps = (*recipe.steps[: places[-1]], own, *recipe.steps[places[-1] + 1 :])
        kept = tuple(step for step in steps if not isinstance(step, Encode))
        if own != step:
            yield replace(recipe, steps=kept, label="")


def _shares(step: Prune) -> _Convert | None:
    """Return what makes the share of weights that go of the fraction that `step` says."""
    if step.threshold is not None or step.structure in ("head", "layer"):
        return None
    if step.structure == "filter":
        return lambda fraction: 1 - (1 - fraction) ** 2
    return lambda fraction: fraction


def _pruned(
    step: Prune, share: _Convert, formats: Sequence[str], channel_multiple: int
) -> Iterator[Prune]:
    """Yield `step` with each structure that lies in one of `formats`, and with whole filters."""
    found = [find_format(name) for name in formats]
    free = [own for own in found if not isinstance(own, _SPECIAL) and not own.shares_values]
    is_free = step.structure == "unstructured" and step.format in formats
    made = [
        *(_zeros(step, "unstructured", share, format=own.name) for own in free[:1] if not is_free),
        *(_pattern(step, own.name) for own in _patterns(found)),
        *(
            _zeros(step, f"block{own.rows}x{own.columns}", share)
            for own in found
            if isinstance(own, Block)
        ),
        _zeros(
            step,
            "filter",
            lambda fraction: 1 - sqrt(1 - share(fraction)),
            round_to=channel_multiple,
        ),
    ]
    yield from (own for own in made if own is not None)


def _patterns(formats: Sequence[Format]) -> list[NM]:
    """Return two patterns at most, those that silicon has before others: each takes seconds."""
    found = {own.name: own for own in formats if isinstance(own, NM)}
    first = {name: found[name] for name in _KNOWN_PATTERNS if name in found}
    return list((first | found).values())[:_MOST_PATTERNS]


def _pattern(step: Prune, name: str) -> Prune | None:
    """Return `step` with an N:M pattern, of those layers that it prunes."""
    patterns = [pattern for pattern, _ in read_ratios(step.ratios)]
    only = {} if step.sparsity is not None or not patterns else {"layers": ";".join(patterns)}
    return _structured(step, name, sparsity=None, ratios="", **_ONE_SHOT, **only)


def _zeros(step: Prune, structure: str, share: _Convert, **settings: object) -> Prune | None:
    """Return `step` with another structure of about as many zeros."""
    pattern = pattern_of(step.structure)
    fraction = step.sparsity if pattern is None else 1 - pattern.n / pattern.m
    ratios = ";".join(
        f"{name}={round(share(own), _DECIMALS)}" for name, own in read_ratios(step.ratios)
    )
    sparsity = None if fraction is None else round(share(fraction), _DECIMALS)
    return _structured(step, structure, sparsity=sparsity, ratios=ratios, **settings)


def _structured(step: Prune, structure: str, **settings: object) -> Prune | None:
    """Return `step` with another structure; its criterion and scope where they suit that."""
    own: dict[str, object] = {
        "structure": structure,
        "format": "bitmask",
        "round_to": 1,
        **settings,
    }
    return _changed(step, **own) or _changed(step, **own, criterion="l1", scope="local")
