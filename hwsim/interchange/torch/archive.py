"""Take from a .pt2 archive what is data, and leave what torch would run.

torch.export.load unpickles sample inputs and custom objects, evaluates the text of symbolic
shapes, imports the modules that tree specs name and loads compiled libraries. So what it gets is
an archive made anew: the graph, without what none of it needs, and weights as plain bytes.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from typing import TYPE_CHECKING, Any, cast

import torch

from hwsim.errors import InterchangeError
from hwsim.limits import MODEL_BYTES, expanded, require_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch.export import ExportedProgram

    from hwsim.interchange._json_values import Tree

_MODEL = "models/model.json"
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"
_CONFIGS = (f"{_WEIGHTS}model_weights_config.json", f"{_CONSTANTS}model_constants_config.json")
# Torch reads them before anything else; they hold a number or a word each.
_PLAIN = ("archive_format", "archive_version", ".data/version", "byteorder")
_OPERATOR = re.compile(r"torch\.ops\.[a-z]\w*\.\w+\.\w+|_operator\.getitem", re.ASCII)
# Arguments that are no tensors, numbers or texts: what torch makes of them may run.
_RUN = ("as_operator", "as_graph", "as_custom_obj", "as_opaque", "as_complex_graph")
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")
_EXPORT_AGAIN = "write one by torch.export.save(torch.export.export(module, inputs), path)"


def loaded(path: Path) -> ExportedProgram:
    """Return the program of a .pt2 file.

    Raises:
        InterchangeError: There is no such file, it is damaged, or see `plain_archive`.
    """
    if not path.is_file():
        raise InterchangeError(f"{path}: no such file; expected a .pt2 by torch.export.save")
    try:
        return torch.export.load(plain_archive(path))
    except InterchangeError:
        raise
    except Exception as error:
        raise InterchangeError(
            f"{path.name}: not a readable .pt2 file ({type(error).__name__}); {_EXPORT_AGAIN}"
        ) from error


def plain_archive(path: Path) -> io.BytesIO:
    """Return a .pt2 archive of the same graph and weights from which nothing is run.

    Raises:
        InterchangeError: It holds something that is run, extents that are not fixed, or is no
            archive of torch 2.9 or later.
        zipfile.BadZipFile: It is damaged; or ValueError, KeyError, TypeError, AttributeError.
    """
    require_file(path, MODEL_BYTES, InterchangeError)
    with zipfile.ZipFile(path) as archive:
        _require_sizes(path, archive)
        parts = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        _require_kind(path, parts)
        kept = {name: archive.read(parts[name]) for name in _PLAIN if name in parts}
        model = _plain_model(path, cast("Tree", json.loads(archive.read(parts[_MODEL]))))
        kept[_MODEL] = json.dumps(model).encode()
        for name in _CONFIGS:
            config = cast("Tree", json.loads(archive.read(parts[name])))
            folder = name.rpartition("/")[0] + "/"
            for record in _records(path, config, folder, parts):
                kept[record] = archive.read(parts[record])
            kept[name] = json.dumps(config).encode()
    # Without sample inputs torch is content; they are always pickles.
    kept["data/sample_inputs/model.pt"] = b""
    return _archived(kept)


def _archived(parts: Mapping[str, bytes]) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(f"model/{name}", content)
    made.seek(0)
    return made


def _require_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse archives that grow when they are read: torch packs nothing."""
    infos = archive.infolist()
    if any(i.compress_type != zipfile.ZIP_STORED or i.file_size != i.compress_size for i in infos):
        raise InterchangeError(f"{path.name}: expected an archive of plain parts, got packed ones")
    total, most = sum(info.file_size for info in infos), path.stat().st_size
    if total > most:
        raise InterchangeError(
            f"{path.name}: expected parts of at most {most} bytes, as the file has, got {total}"
        )


def _require_kind(path: Path, parts: Mapping[str, zipfile.ZipInfo]) -> None:
    for name in parts:
        if name.startswith(("data/aotinductor/", "data/executorch/")):
            raise InterchangeError(
                f"{path.name}: expected a graph and weights, got compiled code ({name}); "
                f"{_EXPORT_AGAIN}"
            )
    missing = [name for name in (_MODEL, *_CONFIGS) if name not in parts]
    if missing:
        raise ValueError(f"no {missing[0]} in it")


def _plain_model(path: Path, model: Tree) -> Tree:
    """Return the graph's JSON without what none of it needs.

    Raises:
        InterchangeError: It names what is run.
    """
    graph_module = model["graph_module"]
    if model.get("range_constraints") or any("expr_str" in tree for tree in _trees(model)):
        raise InterchangeError(
            f"{path.stem}: expected fixed extents, got symbolic ones; export without dynamic_shapes"
        )
    for tree in _trees(model):
        run = [key for key in _RUN if key in tree]
        if run:
            raise _refusal(path, f"an argument {run[0]}")
    for node in graph_module["graph"]["nodes"]:
        target = node["target"]
        if not isinstance(target, str) or not _OPERATOR.fullmatch(target):
            raise _refusal(path, f"op {str(target)[:80]!r}")
        told = cast("Tree", node.get("metadata") or {})
        node["metadata"] = {key: told[key] for key in ("nn_module_stack",) if key in told}
    calls = graph_module["module_call_graph"][:1]
    for call in calls:
        for key in ("in_spec", "out_spec"):
            _require_containers(path, call["signature"][key])
    graph_module["module_call_graph"] = calls
    # Text of Python that checks inputs.
    return {**model, "guards_code": []}


def _trees(tree: object) -> Iterator[Tree]:
    """Yield every mapping within `tree`."""
    waiting = [tree]
    for each in waiting:
        if isinstance(each, dict):
            yield cast("Tree", each)
            waiting += cast("Tree", each).values()
        elif isinstance(each, list):
            waiting += cast("list[object]", each)


def _require_containers(path: Path, spec: str) -> None:
    """Refuse inputs and outputs in containers of a user's: torch imports what they name."""
    for tree in _trees(json.loads(spec)):
        if tree["type"] not in _CONTAINERS:
            raise _refusal(path, f"inputs in a {str(tree['type'])[:80]}")
        context = tree["context"]
        inner: object = json.loads(context) if isinstance(context, str) else context
        if any(True for _ in _trees(inner)):
            raise _refusal(path, f"inputs in a container of {str(inner)[:80]}")


def _records(
    path: Path, config: Tree, folder: str, parts: Mapping[str, zipfile.ZipInfo]
) -> Iterator[str]:
    """Yield the names of the parts that `config` asks for, each checked, each once."""
    seen: set[str] = set()
    for name, payload in config["config"].items():
        part = payload["path_name"]
        if payload["use_pickle"] or not part.startswith(("weight_", "tensor_")):
            raise _refusal(path, f"constant {name!r} as a pickle")
        record = f"{folder}{part}"
        meta: Any = payload["tensor_meta"]
        sizes = [size["as_int"] for size in meta["sizes"]]
        elements = math.prod(sizes)
        most = expanded(parts[record].file_size)
        if min(sizes, default=0) < 0 or elements > (most if parts[record].file_size else 0):
            raise InterchangeError(
                f"{path.name}: expected no more elements than its bytes hold for constant "
                f"{name!r}, got {sizes}"
            )
        if record not in seen:
            seen.add(record)
            yield record


def _refusal(path: Path, got: str) -> InterchangeError:
    return InterchangeError(
        f"{path.name}: expected a graph and weights, got {got}, which is not run; {_EXPORT_AGAIN}"
    )
