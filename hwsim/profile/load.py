"""Load a profile: read its tree, lay overrides over it, check everything once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
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
    return read_profile(name_or_path).load(overrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileText:
    """What a profile's file said when it was read, whatever becomes of the file.

    Two are equal that say the same under one name.

    Attributes:
        stem: The file's name without its suffix.
        digest: SHA-256 of `tree`.
        tree: Of the file, laid over what it inherits; nobody changes it.
    """

    stem: str
    digest: str
    tree: Tree = field(compare=False, repr=False)

    def load(self, overrides: Mapping[str, object] | None = None) -> DeviceProfile:
        """Return the profile with overrides: see `device`.

        Raises:
            ProfileError: A malformed one, or an override that makes it one.
        """
        given = overrides or {}
        scales = {key: value for key, value in given.items() if is_scale(key)}
        ordinary = {key: value for key, value in given.items() if key not in scales}
        tree = _over(self.tree, self.stem, ordinary)
        profile = validated(tree, self.stem)
        if not scales:
            return profile
        try:
            meant = expanded(profile, scales)
        except ProfileError as error:
            raise ProfileError(f"{self.stem}: {error}") from error
        return validated(_over(tree, self.stem, meant), self.stem)


def read_profile(name_or_path: str) -> ProfileText:
    """Return what a profile's file says now.

    Raises:
        ProfileError: No such profile, or its file or one that it inherits cannot be read.
    """
    path = find_profile(name_or_path)
    tree = read_tree(path)
    # repr tells 1 from 1.0 and True, and takes dates too.
    digest = hashlib.sha256(repr(tree).encode("utf-8", "backslashreplace")).hexdigest()
    return ProfileText(stem=path.stem, digest=digest, tree=tree)


def _over(tree: Tree, stem: str, overrides: Mapping[str, object]) -> Tree:
    for key, value in overrides.items():
        try:
            tree = overridden(tree, key, value)
        except ProfileError as error:
            raise ProfileError(f"{stem}: {error}") from error
    return tree
