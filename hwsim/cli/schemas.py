"""JSON Schemas of the files that people write: profiles, recipes, sweeps and search spaces.

They are made from the classes that read these files, so that an editor knows what hwsim knows.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema

from compressors import COMPRESSORS
from hwsim.cli.space_file import SpaceFile
from hwsim.cli.sweep_file import SweepFile
from hwsim.numerics import POLICIES, ROUNDINGS
from hwsim.op import WORK_KINDS
from hwsim.profile import DeviceProfile
from hwsim.profile.integers import ROUNDED
from hwsim.profile.sources import KINDS

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hwsim.cli.options import SchemaKind

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^    (\w+): ", re.M)
# What hwsim reads as a number where a recipe file has it in quotes.
_NUMBER_AS_TEXT = r"^\s*[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
# Evidence is never inherited: a heir that has some has all of it.
_WHOLE_IN_HEIRS = "Evidence"


def schema_text(kind: SchemaKind) -> str:
    """Return the text of `schema_of`, as it is printed and shipped."""
    return json.dumps(schema_of(kind), indent=1, ensure_ascii=False) + "\n"


def schema_of(kind: SchemaKind) -> Schema:
    """Return the JSON Schema, draft 2020-12, of a kind of file."""
    made = {
        "profile": _profile,
        "recipe": _recipe,
        "sweep": lambda: _documented(SweepFile),
        "space": _space,
    }[kind]()
    return {"$schema": DIALECT, "title": f"hwsim {kind}", **made}


class _Documented(GenerateJsonSchema):
    """Takes the description of each key from the class's docstring."""

    def model_schema(self, schema: Any) -> Schema:
        """See `GenerateJsonSchema.model_schema`."""
        made = super().model_schema(schema)
        made.pop("title", None)
        told = attributes_of(schema["cls"])
        # Docstrings know fields by their names in Python, files by their aliases.
        named = schema["cls"].model_fields.items()
        told |= {field.alias: told[key] for key, field in named if field.alias and key in told}
        made["description"] = _head(schema["cls"])
        for key, field in made.get("properties", {}).items():
            if key in told:
                field["description"] = told[key]
            # Defaults that are sections, and those that say that nothing is there, tell nobody.
            if isinstance(field.get("default"), dict | list) or field.get("default", 0) is None:
                del field["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave titles out: they would repeat the keys."""
        del schema
        return False


def attributes_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a class and of its bases say of each key."""
    told: dict[str, str] = {}
    for base in reversed(model.__mro__):
        _, _, listed = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition(
            "Attributes:\n"
        )
        pieces = _ATTRIBUTE.split(listed)
        told |= {key: _line(text) for key, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    return told


def _head(model: type[BaseModel]) -> str:
    return _line(inspect.cleandoc(model.__doc__ or "").partition("\n\nAttributes:")[0])


def _line(text: str) -> str:
    # A section behind the attributes is no part of the last one.
    return " ".join(text.partition("\n\n")[0].split())


def _documented(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Documented)


def _profile() -> Schema:
    """Return the schema of a profile: what inherits another one may leave out anything."""
    made = _documented(DeviceProfile)
    sections: dict[str, Schema] = made["$defs"]
    kinds = {"enum": list(WORK_KINDS)}
    kernel = sections["KernelRule"]["properties"]
    kernel["ops"]["items"] = kinds
    # A function checks the geometry, of which pydantic knows nothing.
    extent = {key: kernel["units"][key] for key in ("type", "minimum", "maximum")}
    kernel["geometry"]["additionalProperties"] = {
        "anyOf": [extent, {"type": "string", "minLength": 1}]
    }
    sections["Runtime"]["properties"]["in_place"]["items"] = kinds
    numerics = sections["NumericsChoice"]["properties"]
    numerics["policy"]["enum"] = [policy.name for policy in POLICIES]
    for key in ROUNDED:
        numerics[key]["anyOf"][0]["enum"] = [rounding.name for rounding in ROUNDINGS]
    made["properties"]["sources"]["additionalProperties"]["pattern"] = (
        rf"^({'|'.join(KINDS)}):\s*\S"
    )
    demands = _demands(made, sections)
    for name, section in sections.items():
        if name != _WHOLE_IN_HEIRS:
            section.pop("required", None)
    inherits = {"type": "string", "description": "Another profile, over which this one is laid."}
    made["properties"] = {"inherits": inherits, **made["properties"]}
    made["required"] = ["name", "description"]
    return {**made, "if": {"required": ["inherits"]}, "else": demands}


def _space() -> Schema:
    made = _documented(SpaceFile)
    # Pydantic leaves out the bound of a number that is of two types.
    made["$defs"]["AxisFile"]["properties"]["step"]["exclusiveMinimum"] = 0
    return made


def _demands(part: Schema, sections: dict[str, Schema]) -> Schema:
    """Return which keys a part requires, at any depth, and nothing else of it."""
    kinds = [kind for kind in part.get("anyOf", [part]) if kind.get("type") != "null"]
    if len(kinds) > 1:
        return {}
    (whole,) = kinds
    if "$ref" in whole:
        whole = sections[whole["$ref"].rpartition("/")[2]]
    found: Schema = {"required": whole["required"]} if "required" in whole else {}
    inner = {key: _demands(field, sections) for key, field in whole.get("properties", {}).items()}
    if any(inner.values()):
        found["properties"] = {key: demand for key, demand in inner.items() if demand}
    each = whole.get("additionalProperties")
    if isinstance(each, dict) and (demand := _demands(each, sections)):  # pyright: ignore[reportUnknownArgumentType]
        found["additionalProperties"] = demand
    return found


def _recipe() -> Schema:
    """Return the schema of a recipe; the file's scalars are read as text, as in a spec string."""
    steps = {known.name: _step(known) for known in COMPRESSORS}
    bare = [name for name, step in steps.items() if "required" not in step]
    refs = {name: {"$ref": f"#/$defs/{name}"} for name in steps}
    one = {
        "type": "object",
        "properties": refs,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {
        "description": "Steps of compression, one after the other.",
        "type": "object",
        "properties": {
            "version": {"enum": [1, "1"], "description": "Of this schema."},
            "name": {**_TEXT, "description": "Name in reports; the steps where absent."},
            "steps": {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [{"enum": bare}, one]},
                "description": "Each a name, or a name with its settings.",
            },
        },
        "required": ["version", "steps"],
        "additionalProperties": False,
        "$defs": steps,
    }


_TEXT: Schema = {"type": ["string", "number", "boolean"]}


def _step(known: type[BaseModel]) -> Schema:
    """Return the schema of one step's settings; nothing stands for none."""
    made = _documented(known)
    made["properties"] = {key: _setting(field) for key, field in made["properties"].items()}
    if "required" not in made:
        made["type"] = ["object", "null"]
    return made


def _setting(field: Schema) -> Schema:
    """Return what may stand for a setting in a file whose scalars are all taken as text."""
    told = {key: field[key] for key in ("default", "description") if key in field}
    (kind,) = (kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null")
    kind = {key: value for key, value in kind.items() if key not in told}
    if "enum" in kind or "const" in kind:
        return {**kind, **told}
    if kind["type"] == "string":
        return {**kind, **_TEXT, **told}
    if kind["type"] == "boolean":
        return {"anyOf": [kind, {"enum": ["true", "false"]}], **told}
    return {"anyOf": [kind, {"type": "string", "pattern": _NUMBER_AS_TEXT}], **told}
