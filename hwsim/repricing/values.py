"""Values: hold what a bill is to be priced with to the bounds of the profile's schema."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from hwsim.errors import ProfileError
from hwsim.profile.schema import DeviceProfile
from hwsim.repricing.bill import CORES, EFFICIENCY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from hwsim.arrays import Array, FloatArray
    from hwsim.records import Bill

    Bounds: TypeAlias = "tuple[TypeAdapter[Any], bool]"

_MOST_NAMED = 6


def checked(bill: Bill, values: Mapping[str, Array | float]) -> tuple[dict[str, FloatArray], int]:
    """Return `values` as float64 arrays of one length, and that length.

    Single numbers stand for every point. Bounds are those of `hwsim.profile`'s schema.

    Raises:
        ProfileError: A key is none of the bill's, or a value is one that no profile may have.
    """
    arrays: dict[str, FloatArray] = {}
    for key, given in values.items():
        _require_key(bill, key)
        arrays[key] = _numbers(key, given)
    lengths = {array.size for array in arrays.values() if array.ndim} or {1}
    if len(lengths) > 1:
        found = ", ".join(f"{key}: {array.size}" for key, array in arrays.items() if array.ndim)
        raise ProfileError(f"values: expected as many points under every key, got {found}")
    (points,) = lengths
    spread = {key: np.broadcast_to(array, points) for key, array in arrays.items()}
    _require_together(bill, spread)
    return spread, points


def _numbers(key: str, given: Array | float) -> FloatArray:
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{key}: expected numbers, got {given!r:.60}") from error
    if array.ndim > 1:
        raise ProfileError(f"{key}: expected one number per point, got shape {array.shape}")
    if not array.size:
        return array
    adapter, is_whole = bounds_of(key)
    # Bounds are intervals: what the extremes keep, all between them keep. Of NaN both are NaN.
    for extreme in (array.min(), array.max()):
        _validate(adapter, key, float(extreme), is_whole=is_whole)
    if is_whole and (odd := array[array != np.round(array)]).size:
        raise ProfileError(f"{key}: expected whole numbers, got {odd[0]:g}")
    return array


def _validate(adapter: TypeAdapter[Any], key: str, value: float, *, is_whole: bool) -> None:
    # The schema tells 2 from 2.0; an array of points cannot.
    number = int(value) if is_whole and value.is_integer() else value
    try:
        adapter.validate_python(number, strict=True)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise ProfileError(f"{key}: {said}, got {number!r}; give values within that") from error


def _require_key(bill: Bill, key: str) -> None:
    if key in bill.follows:
        raise ProfileError(
            f"{key}: follows from the geometry of the kernel's accelerator; override that and "
            "count anew"
        )
    if key not in bill.prices:
        leaf = key.rpartition(".")[2]
        near = [name for name in bill.prices if name.endswith(leaf)] or list(bill.prices)
        raise ProfileError(
            f"{key}: the price of this program does not depend on such a number; it does on "
            f"{', '.join(near[:_MOST_NAMED])}{' ...' if len(near) > _MOST_NAMED else ''}"
        )


def _require_together(bill: Bill, values: Mapping[str, FloatArray]) -> None:
    """Refuse values that make no profile together."""
    for group in bill.positive:
        if not set(group) & values.keys():
            continue
        paid = sum(values[key] if key in values else bill.prices[key] for key in group)
        if not np.all(np.asarray(paid) > 0):
            raise ProfileError(
                f"{group[0]}: expected a price above 0 as nothing else prices this kernel, got 0"
            )
    if bill.scales_cores or EFFICIENCY in values:
        return
    if np.any(values.get(CORES, np.ones(1)) > 1):
        raise ProfileError(
            f"{EFFICIENCY}: this key is required for several cores; "
            "no cores scale ideally unless you say so, with 1.0"
        )


@cache
def bounds_of(key: str) -> Bounds:
    """Return what the schema says of the number under a dotted key, and whether it is whole.

    Raises:
        ProfileError: The schema has no such number.
    """
    found = _annotation(DeviceProfile, tuple(key.split(".")))
    if found is None:
        raise ProfileError(f"{key}: the schema of profiles has no such number")
    return TypeAdapter(found), _is_whole(found)


def _annotation(kind: Any, path: tuple[str, ...]) -> Any:
    """Return the annotation under `path`; names in a mapping may have dots. None: there is none."""
    if not path:
        return kind
    origin = get_origin(kind)
    if origin is Annotated:
        return _annotation(get_args(kind)[0], path)
    if origin is dict:
        inner = get_args(kind)[1]
        found = (_annotation(inner, path[at:]) for at in range(1, len(path) + 1))
        return next((one for one in found if one is not None), None)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and path[0] in kind.model_fields:
        field = kind.model_fields[path[0]]
        annotation: Any = field.annotation
        if field.metadata and len(path) == 1:
            annotation = Annotated[annotation, *field.metadata]
        return _annotation(annotation, path[1:])
    return None


def _is_whole(annotation: Any) -> bool:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation is int
