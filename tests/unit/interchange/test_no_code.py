"""Nothing that a model file holds is run: each route of torch's loader, tried with a file to drop.

Each attack works on torch.export.load itself; the first test of each pair shows that it does, so
that a harmless rewrite of an attack is noticed.
"""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from hwsim.errors import InterchangeError
from hwsim.interchange import load
from tests.fuzz.fuzz_pt2 import TARGET
from tests.fuzz.parts import joined, taken, zipped

MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Dropper:
    """Its pickle makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


Parts = dict[str, bytes]


def edited(parts: Parts, name: str, edit: Callable[[Any], object]) -> None:
    tree = json.loads(parts[name])
    edit(tree)
    parts[name] = json.dumps(tree).encode()


def saved(thing: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def sample_inputs(parts: Parts, drop: Path) -> None:
    parts["data/sample_inputs/model.pt"] = saved(Dropper(drop))


def pickled_weight(parts: Parts, drop: Path) -> None:
    parts["data/weights/weight_0"] = saved(Dropper(drop))
    edited(parts, WEIGHTS, lambda t: t["config"]["conv.weight"].update(use_pickle=True))


def opaque_object(parts: Parts, drop: Path) -> None:
    parts["data/constants/opaque_obj_0"] = pickle.dumps(Dropper(drop))
    payload = {"path_name": "opaque_obj_0", "use_pickle": True}
    edited(parts, CONSTANTS, lambda t: t["config"]["slope"].update(payload))


def symbolic_extent(parts: Parts, drop: Path) -> None:
    extent = {"as_expr": {"expr_str": f"open({str(drop)!r}, 'w').close()", "hint": None}}

    def edit(tree: Any) -> None:
        tree["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][2] = extent

    edited(parts, MODEL, edit)


ATTACKS = (sample_inputs, pickled_weight, opaque_object, symbolic_extent)


def attacked(attack: Callable[[Parts, Path], None], folder: Path) -> tuple[Path, Path]:
    """Return a file that drops another when it is loaded carelessly, and that other one."""
    (root, *_), drop = next(iter(taken(next(TARGET.seeds())))).split("/"), folder / "dropped"
    parts = {
        name.removeprefix(f"{root}/"): part for name, part in taken(next(TARGET.seeds())).items()
    }
    attack(parts, drop)
    path = folder / "evil.pt2"
    path.write_bytes(zipped(joined({f"{root}/{name}": part for name, part in parts.items()})))
    return path, drop


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_torch_itself_runs_what_a_file_holds(
    attack: Callable[[Parts, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    path, drop = attacked(attack, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.export.load(path)
        except Exception as error:
            del error  # After it ran.
    assert drop.exists()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_hwsim_runs_nothing(attack: Callable[[Parts, Path], None], tmp_path: Path) -> None:
    path, drop = attacked(attack, tmp_path)
    with suppress(InterchangeError):
        load(path)
    assert not drop.exists()


def test_constants_are_not_read_from_files(tmp_path: Path) -> None:
    """aten.from_file would make a file of any size, and read any."""

    def edit(tree: Any, drop: Path) -> None:
        nodes = tree["graph_module"]["graph"]["nodes"]
        node = next(n for n in nodes if n["target"].startswith("torch.ops.aten.mul"))
        node["target"] = "torch.ops.aten.from_file.default"
        given: dict[str, dict[str, object]] = {
            "filename": {"as_string": str(drop)},
            "shared": {"as_bool": True},
        }
        given["size"] = {"as_int": 3}
        node["inputs"] = [{"name": n, "arg": arg, "kind": 1} for n, arg in given.items()]

    path, drop = attacked(
        lambda parts, drop: edited(parts, MODEL, lambda t: edit(t, drop)), tmp_path
    )
    with pytest.raises(InterchangeError, match="of constants is not computed"):
        load(path)
    assert not drop.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/aotinductor/model/a.so", "compiled code"),
        ("data/executorch/model.pte", "compiled code"),
    ],
)
def test_compiled_code_is_refused(name: str, words: str, tmp_path: Path) -> None:
    path, _ = attacked(lambda parts, _: parts.update({name: b"\x7fELF"}), tmp_path)
    with pytest.raises(InterchangeError, match=words):
        load(path)


@pytest.mark.parametrize(
    "target", ["torch.os.system", "math.exp", "_operator.methodcaller", "#x:y", "os.system"]
)
def test_only_torchs_operators_are_named(target: str, tmp_path: Path) -> None:
    def edit(tree: Any) -> None:
        tree["graph_module"]["graph"]["nodes"][0]["target"] = target

    path, _ = attacked(lambda parts, _: edited(parts, MODEL, edit), tmp_path)
    with pytest.raises(InterchangeError, match="which is not run"):
        load(path)


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "collections.defaultdict", "context": {}, "children_spec": []},
        {"type": "builtins.dict", "context": '{"__enum__": true}', "children_spec": []},
        {"type": "builtins.dict", "context": r'{"\u005f_enum__": true}', "children_spec": []},
    ],
)
def test_containers_that_import_are_refused(spec: dict[str, object], tmp_path: Path) -> None:
    def edit(tree: Any) -> None:
        call = tree["graph_module"]["module_call_graph"][0]
        call["signature"]["in_spec"] = json.dumps([1, spec])

    path, _ = attacked(lambda parts, _: edited(parts, MODEL, edit), tmp_path)
    with pytest.raises(InterchangeError, match="inputs in a"):
        load(path)


def test_a_constant_without_bytes_claims_no_extent(tmp_path: Path) -> None:
    def attack(parts: Parts, _: Path) -> None:
        parts["data/weights/weight_0"] = b""
        meta = {"sizes": [{"as_int": 1 << 20}, {"as_int": 1 << 20}]}
        edited(parts, WEIGHTS, lambda t: t["config"]["conv.weight"]["tensor_meta"].update(meta))

    path, _ = attacked(attack, tmp_path)
    with pytest.raises(InterchangeError, match="no more elements than its bytes hold"):
        load(path)
