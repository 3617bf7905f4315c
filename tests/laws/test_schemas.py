"""Schemas for editors say what hwsim itself says of a file, as far as a schema can."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

import compressors
from compressors import COMPRESSORS
from hwsim.cli.options import SchemaKind
from hwsim.cli.schemas import schema_of, schema_text
from hwsim.cli.space_file import SpaceFile
from hwsim.cli.sweep_file import SweepFile
from hwsim.errors import ProfileError, RecipeError
from hwsim.profile import find_profile, known_devices, problems, read_tree, unsourced
from hwsim.profile.schema import DeviceProfile
from hwsim.strict_yaml import read_yaml
from tests.schema_files import KINDS, file_of

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FILES: dict[SchemaKind, list[Path]] = {
    "profile": [find_profile(name) for name in known_devices()],
    "recipe": sorted(EXAMPLES.glob("recipes/*.yaml")),
    "sweep": sorted(EXAMPLES.glob("*.yaml")),
    "space": sorted(EXAMPLES.glob("spaces/*.yaml")),
}
JUDGES: dict[SchemaKind, Any] = {kind: Draft202012Validator(schema_of(kind)) for kind in KINDS}
# What people write by mistake where something else belongs.
SLIPS: tuple[Any, ...] = ([["no"]], {"no_such_key": 1}, True, -1, -3.5, "no such thing", "8", None)


def read(path: Path) -> Any:
    return read_yaml(path.read_text(encoding="utf-8"))


def refused(kind: SchemaKind, tree: Any) -> str:
    """Return the first complaint of the schema, or nothing."""
    return next((error.message for error in JUDGES[kind].iter_errors(tree)), "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_file_is_up_to_date(kind: SchemaKind) -> None:
    shipped = file_of(kind).read_text(encoding="utf-8")
    assert shipped == schema_text(kind), "run python -m tests.schema_files"


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_schemas(kind: SchemaKind) -> None:
    Draft202012Validator.check_schema(schema_of(kind))


def described(schema: Any, where: str) -> Iterator[str]:
    """Yield the keys that nothing is said of."""
    if isinstance(schema, dict):
        parts = cast("dict[str, Any]", schema)
        for key, field in parts.get("properties", {}).items():
            if "description" not in field and "$ref" not in field:
                yield f"{where}.{key}"
        for key, inner in parts.items():
            if key != "else":
                yield from described(inner, f"{where}/{key}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: SchemaKind) -> None:
    assert list(described(schema_of(kind), kind)) == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind in KINDS for path in FILES[kind]],
    ids=lambda one: getattr(one, "stem", one),
)
def test_shipped_files_are_valid(kind: SchemaKind, path: Path) -> None:
    assert refused(kind, read(path)) == ""


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (mapping or list, key) of a tree."""
    keys: list[Any] = list(tree) if isinstance(tree, dict) else list(range(len(tree)))  # pyright: ignore[reportUnknownArgumentType]
    for key in keys:
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def slipped(tree: Any, rng: random.Random, *, may_drop: bool) -> Any:
    """Return the tree with one slip: a key too many, one too few, or a value of another kind."""
    tree = copy.deepcopy(tree)
    section, key = rng.choice(list(places(tree)))
    way = rng.choice(("add", "drop", "replace", "replace"))
    if way == "add" and isinstance(section, dict):
        section["no_such_key"] = 1
    elif way == "drop" and may_drop:
        del section[key]
    else:
        section[key] = rng.choice(SLIPS)
    return tree


def says(model: type[BaseModel], tree: object) -> str:
    """Return what the class of a file says against it, or nothing."""
    try:
        model.model_validate(tree)
    except ValidationError as error:
        return str(error.errors(include_url=False)[0])
    return ""


def laid_over(tree: Any, path: Path) -> Any:
    """Return the tree laid over what it inherits, if it does."""
    if "inherits" not in tree:
        return tree
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return read_tree(path)


@pytest.mark.parametrize("name", known_devices())
def test_slips_in_profiles_are_refused_as_hwsim_refuses_them(name: str, tmp_path: Path) -> None:
    rng, tree = random.Random(name), read(find_profile(name))
    for _ in range(8):
        wrong = slipped(tree, rng, may_drop="inherits" not in tree)
        told = refused("profile", wrong)
        try:
            laid = laid_over(wrong, tmp_path / f"{name}.yaml")
        except ProfileError:
            continue  # A parent that is none: no schema knows the names of profiles.
        if says(DeviceProfile, laid):
            assert told, says(DeviceProfile, laid)
        if told:
            assert problems(laid, name) or unsourced(laid), told


@pytest.mark.parametrize(
    ("kind", "model", "path"),
    [
        (kind, model, path)
        for kind, model in (("sweep", SweepFile), ("space", SpaceFile))
        for path in FILES[kind]  # pyright: ignore[reportArgumentType]
    ],
    ids=lambda one: getattr(one, "stem", ""),
)
def test_slips_in_sweeps_and_spaces_are_refused_alike(
    kind: SchemaKind, model: type[BaseModel], path: Path
) -> None:
    rng, tree = random.Random(path.stem), read(path)
    for _ in range(200):
        wrong = slipped(tree, rng, may_drop=True)
        if wrong.get("version") is True:
            continue  # Python's True is 1, JSON's is not.
        told, said = refused(kind, wrong), says(model, wrong)
        # What two keys must be to each other, no schema of single keys says.
        assert bool(told) == bool(said) or "'value_error'" in said, (wrong, told, said)


def written(path: Path, step: str, settings: object) -> object:
    """Return a recipe of one step, as it is read back from the file that is written."""
    recipe = {"version": 1, "steps": [{step: settings}]}
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return read(path)


def text_of(value: object) -> str:
    """Return a scalar as a recipe file has it."""
    return yaml.safe_dump(value).splitlines()[0]


def read_back(path: Path) -> str:
    """Return what hwsim says against a recipe, or nothing."""
    try:
        compressors.parse(path)
    except RecipeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("step", COMPRESSORS, ids=lambda step: step.name)
def test_slips_in_recipes_are_refused_alike(step: Any, tmp_path: Path) -> None:
    path = tmp_path / "slip.yaml"
    given = {key: "4" for key, field in step.model_fields.items() if field.is_required()}
    for key in (*step.model_fields, "no_such_key"):
        for value in (*SLIPS, 2, 0.5):
            tree = written(path, step.name, {**given, key: value})
            told = refused("recipe", tree)
            said = read_back(path)
            field = step.model_fields.get(key)
            is_text = field is not None and field.annotation is str
            if told:
                # Nothing is an empty text to hwsim, and a forgotten value to an editor.
                assert said or (is_text and value is None), (key, value, told)
            elif said and field is not None and not is_text and not isinstance(value, str):
                with pytest.raises(ValidationError, match="Value error") as error:
                    step.model_validate_strings({**given, key: text_of(value)})
                assert {one["type"] for one in error.value.errors()} == {"value_error"}
