"""Load a profile: read its tree, lay overrides over it, check everything once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ProfileError
from hwsim.profile.check import problems
from hwsim.profile.schema import DeviceProfile
from hwsim.profile.tree import find_profile, overridden, read_tree

if TYPE_CHECKING:
    from collections.abc import Mapping


def device(name: str, **overrides: object) -> DeviceProfile:
    """Return a profile by name or path, with dotted overrides.

    `hwsim.device("stm32l4r5_tflm", **{"hardware.clock_hz": 80e6})`

    Raises:
        ProfileError: No such profile, a malformed one, or an override that makes it one.
    """
    return load_profile(name, overrides)


def load_profile(name_or_path: str, overrides: Mapping[str, object] | None = None) -> DeviceProfile:
    """See `device`.

    Raises:
        ProfileError: See `device`.
    """
    path = find_profile(name_or_path)
    tree = read_tree(path)
    for key, value in (overrides or {}).items():
        try:
            tree = overridden(tree, key, value)
        except ProfileError as error:
            raise ProfileError(f"{path.stem}: {error}") from error
    for problem in problems(tree, path.stem):
        raise ProfileError(f"{path.stem}: {problem}")
    return DeviceProfile.model_validate(tree)
