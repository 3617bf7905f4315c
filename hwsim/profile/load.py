"""Load a profile: read its tree, lay overrides over it, check everything once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ProfileError
from hwsim.profile.check import validated
from hwsim.profile.scaled import expanded, is_scale
from hwsim.profile.tree import find_profile, overridden, read_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.profile.schema import DeviceProfile
    from hwsim.profile.tree import Tree


def device(name: str, **overrides: object) -> DeviceProfile:
    """Return a profile by name or path, with dotted overrides.

    `hwsim.device("stm32l4r5_tflm", **{"hardware.clock_hz": 80e6})`

    Factors such as `scale.bandwidth` (`hwsim.profile.scaled`) are laid over all other overrides.

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
    given = overrides or {}
    scales = {key: value for key, value in given.items() if is_scale(key)}
    ordinary = {key: value for key, value in given.items() if key not in scales}
    tree = _over(read_tree(path), path.stem, ordinary)
    profile = validated(tree, path.stem)
    if not scales:
        return profile
    try:
        meant = expanded(profile, scales)
    except ProfileError as error:
        raise ProfileError(f"{path.stem}: {error}") from error
    return validated(_over(tree, path.stem, meant), path.stem)


def _over(tree: Tree, stem: str, overrides: Mapping[str, object]) -> Tree:
    for key, value in overrides.items():
        try:
            tree = overridden(tree, key, value)
        except ProfileError as error:
            raise ProfileError(f"{stem}: {error}") from error
    return tree
