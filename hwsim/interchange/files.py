"""Find the reader or writer of a model by its suffix, or by what it is in Python."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from hwsim.errors import InterchangeError
from hwsim.interchange._moderate import moderate
from hwsim.interchange.hwsim_file import read_hwsim, write_hwsim
from hwsim.interchange.topology import read_topology
from hwsim.limits import MODEL_BYTES, TEXT_BYTES, require_file
from hwsim.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hwsim.graph import Graph


_Write: TypeAlias = "Callable[[Graph, Path], Sequence[str]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One kind of file.

    Attributes:
        suffix: With its dot.
        read: Path to graph; None where it can only be written.
        write: Graph and path to bytes there, and to what these hold otherwise than it lies in
            memory, a line each; None where it can only be read.
        styles: Other ways of writing it, by name; `write` is the first of them.
    """

    suffix: str
    read: Callable[[Path], Graph] | None
    write: _Write | None
    styles: Mapping[str, _Write] = field(default_factory=dict[str, "_Write"])


def _read_pt2(path: Path) -> Graph:
    try:
        from hwsim.interchange.torch.export import read_pt2  # torch takes seconds to import
    except ModuleNotFoundError as error:
        raise InterchangeError(
            f"{path}: .pt2 files need the package {error.name}, which is not installed"
        ) from error
    return read_pt2(path)


def _read_onnx(path: Path) -> Graph:
    from hwsim.interchange.onnx.reader import read_onnx  # onnx takes a third of a second to import

    return read_onnx(path)


def _read_tflite(path: Path) -> Graph:
    from hwsim.interchange.tflite.reader import read_tflite  # its schema has 150 modules

    return read_tflite(path)


def _write_tflite(graph: Graph, path: Path) -> Sequence[str]:
    from hwsim.interchange.tflite.writer import write_tflite

    return write_tflite(graph, path)


def _write_tflite_sparse(graph: Graph, path: Path) -> Sequence[str]:
    from hwsim.interchange.tflite.writer import write_tflite_sparse

    return write_tflite_sparse(graph, path)


def _write_hwsim(graph: Graph, path: Path) -> Sequence[str]:
    write_hwsim(graph, path)
    return ()


def _write_onnx(graph: Graph, path: Path) -> Sequence[str]:
    from hwsim.interchange.onnx.writer import write_onnx

    return write_onnx(graph, path)


def _write_onnx_qoperator(graph: Graph, path: Path) -> Sequence[str]:
    from hwsim.interchange.onnx.writer import write_onnx_qoperator

    return write_onnx_qoperator(graph, path)


def _write_onnx_sparse(graph: Graph, path: Path) -> Sequence[str]:
    from hwsim.interchange.onnx.writer import write_onnx_sparse

    return write_onnx_sparse(graph, path)


FORMATS: tuple[FileFormat, ...] = (
    FileFormat(
        suffix=".tflite",
        read=_read_tflite,
        write=_write_tflite,
        styles={"dense": _write_tflite, "sparse": _write_tflite_sparse},
    ),
    FileFormat(suffix=".hwsim", read=read_hwsim, write=_write_hwsim),
    FileFormat(suffix=".pt2", read=_read_pt2, write=None),
    FileFormat(
        suffix=".onnx",
        read=_read_onnx,
        write=_write_onnx,
        styles={
            "qdq": _write_onnx,
            "qoperator": _write_onnx_qoperator,
            "sparse": _write_onnx_sparse,
        },
    ),
    FileFormat(suffix=".csv", read=read_topology, write=None),
    FileFormat(suffix=".json", read=read_topology, write=None),
)

_TABLES = (".csv", ".json")


def load(model: object) -> Graph:
    """Return the graph of a model.

    Args:
        model: A path by suffix (see `FORMATS`), `module:callable` that returns an `nn.Module` or
            `(module, example_inputs)`, or such a module or pair itself.

    Raises:
        InterchangeError: It cannot be found or read.
    """
    if isinstance(model, str | Path):
        text = str(model)
        return load_callable(text, {}) if is_callable_path(text) else _load_file(Path(text))
    module = cast("tuple[object, object]", model)[0] if _is_pair(model) else model
    return _read_module(model, type(module).__name__)


def save(graph: Graph, path: str | Path, style: str | None = None) -> tuple[str, ...]:
    """Write `graph` in the file format of the suffix; nothing half-written is ever left.

    Args:
        graph: The model.
        path: Where to; the suffix tells the format, see `FORMATS`.
        style: How weights are written, where the format has several ways: `qdq` (the default),
            `qoperator` or `sparse` (as qdq) in .onnx, `dense` (the default) or `sparse` in .tflite.

    Returns:
        What the file holds otherwise than it lies in memory, a line for each kind: the values are
        the same, in more bytes.

    Raises:
        InterchangeError: No format of that suffix or style is written, it cannot hold the graph,
            or the folder cannot be written.
    """
    path = Path(path)
    writers = {f.suffix: f.write for f in FORMATS if f.write is not None}
    if path.suffix not in writers:
        raise InterchangeError(
            f"{path.name}: cannot write {path.suffix or 'a file without suffix'!r}; "
            f"writes: {', '.join(writers)}"
        )
    write = writers[path.suffix]
    if style is not None:
        styles = next(f.styles for f in FORMATS if f.suffix == path.suffix)
        if style not in styles:
            has = f"it has {', '.join(styles)}" if styles else "it has one way of writing only"
            raise InterchangeError(f"{path.name}: {path.suffix} has no style {style!r}; {has}")
        write = styles[style]
    with whole_file(path) as part:
        return tuple(write(graph, part))


def _load_file(path: Path) -> Graph:
    readers = {f.suffix: f.read for f in FORMATS if f.read is not None}
    if path.suffix not in readers:
        raise InterchangeError(
            f"{path}: expected a model as {', '.join(readers)} or module:callable, "
            f"got suffix {path.suffix!r}"
        )
    try:
        if not path.is_file():
            problem = "not a file" if path.exists() else "no such file"
            raise InterchangeError(f"{path}: {problem}")
        is_table = path.suffix in _TABLES
        require_file(path, TEXT_BYTES if is_table else MODEL_BYTES, InterchangeError)
        return moderate(readers[path.suffix](path), path.name)
    except OSError as error:
        raise InterchangeError(f"{path}: cannot be read ({error.strerror})") from error


def is_callable_path(text: str) -> bool:
    """Return whether `text` names a `module:callable`."""
    module, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and all(p.isidentifier() for p in module.split("."))


def load_callable(text: str, settings: Mapping[str, object]) -> Graph:
    """Return the graph of what a `module:callable` returns for these keyword arguments.

    Raises:
        InterchangeError: It cannot be imported and called, or returns something else.
    """
    module_name, _, name = text.partition(":")
    # As `python -m` would find it: the folder one stands in comes first.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        factory = getattr(importlib.import_module(module_name), name)
        made = cast("object", factory(**settings))
    except (Exception, SystemExit) as error:
        # The user's code: it may raise anything.
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise InterchangeError(f"{text}: cannot be imported and called ({problem})") from error
    finally:
        with suppress(ValueError):
            sys.path.remove(here)
    return _read_module(made, name)


def _read_module(made: object, name: str) -> Graph:
    module, inputs = cast("tuple[object, object]", made) if _is_pair(made) else (made, None)
    inputs = inputs if inputs is not None else getattr(module, "example_inputs", None)
    if not any(base.__module__.startswith("torch.nn") for base in type(module).__mro__):
        raise InterchangeError(f"{name}: expected an nn.Module, got {type(module).__name__}")
    if inputs is None:
        raise InterchangeError(
            f"{name}: an nn.Module alone does not say its input shape; give "
            "(module, example_inputs), or set module.example_inputs"
        )
    from hwsim.interchange.torch.export import read_module  # torch takes seconds to import

    pair = cast("tuple[Any, ...]", inputs if isinstance(inputs, tuple) else (inputs,))
    return read_module(cast("Any", module), pair, name)


def _is_pair(made: object) -> bool:
    return isinstance(made, tuple) and len(cast("tuple[object, ...]", made)) == 2
