"""Read torch modules and .pt2 files through torch.export."""

from __future__ import annotations

import operator
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch
from torch.export.graph_signature import InputKind

from hwsim.errors import GraphError, InterchangeError
from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import Builder, Value
from hwsim.interchange.torch.archive import loaded
from hwsim.interchange.torch.call import Call
from hwsim.interchange.torch.elementwise import ARITHMETIC, ELEMENTARY
from hwsim.interchange.torch.export_nodes import (
    aten_name,
    check_in_place,
    examples_of,
    feeds_linear,
    node_names,
    nodes_of,
    require_computable,
    require_moderate,
    results_of,
    schema_of,
    static_shape,
)
from hwsim.interchange.torch.images import IMAGES
from hwsim.interchange.torch.layers import LAYERS
from hwsim.interchange.torch.products import PRODUCTS
from hwsim.interchange.torch.recurrent import RECURRENT
from hwsim.interchange.torch.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

    from hwsim.arrays import FloatArray
    from hwsim.graph import Graph
    from hwsim.interchange.torch.call import Layer

_READ: Mapping[str, Layer] = {
    **ARITHMETIC,
    **ELEMENTARY,
    **IMAGES,
    **LAYERS,
    **PRODUCTS,
    **RECURRENT,
    **SHAPES,
}

_Known: TypeAlias = "Value | Tensor | tuple[Value | Tensor, ...]"
"""What is known of a torch node: where it is in the graph, or its constant values."""


def read_module(module: nn.Module, example_inputs: tuple[Tensor, ...], name: str) -> Graph:
    """Return the graph of `module` in evaluation mode.

    Args:
        module: Left as it is.
        example_inputs: One batch of 1, reals; shapes are taken from it.
        name: Of the graph.

    Raises:
        InterchangeError: torch.export cannot trace the module, or an op of it has no counterpart.
    """
    with _evaluation(module), warnings.catch_warnings():
        # An LSTM keeps a list of its weights, which tracing assigns anew; nothing is lost.
        warnings.filterwarnings("ignore", message="The tensor attribute")
        try:
            program = torch.export.export(module, example_inputs)
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise InterchangeError(
                f"{name}: torch.export cannot trace this module ({reason[0]}); expected a forward "
                f"of {len(example_inputs)} tensors without data-dependent branches"
            ) from error
    return _read(program, name)


def read_pt2(path: str | Path) -> Graph:
    """Return the graph of a file that torch.export.save wrote; it is named after the file.

    Raises:
        InterchangeError: The file is missing, damaged, or an op of it has no counterpart.
    """
    path = Path(path)
    try:
        return _read(loaded(path), path.stem)
    except InterchangeError:
        raise
    except GraphError as error:
        raise InterchangeError(f"{path.name}: {error}") from error
    except Exception as error:
        # Torch checks little of what it loads; whatever a damaged file says may lead anywhere.
        problem = f"damaged .pt2 file ({type(error).__name__}: {error})"
        raise InterchangeError(f"{path.name}: {problem}") from error


@contextmanager
def _evaluation(module: nn.Module) -> Generator[None]:
    """Put `module` into evaluation mode, and back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _read(program: ExportedProgram, name: str) -> Graph:
    results = results_of(program)
    nodes = nodes_of(program, results)
    reader = _Reader(builder=Builder(name), names=node_names(nodes), known={})
    check_in_place(nodes, name)
    constants = cast("dict[str, Tensor]", {**program.state_dict, **program.constants})
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    for node in nodes:
        if node.op == "placeholder":
            spec = specs[node.name]
            if spec.kind == InputKind.USER_INPUT:
                reader.add_input(node)
            else:
                # A copy: ops in place on constants are run for real.
                reader.known[node] = constants[cast("str", spec.target)].detach().clone()
        else:
            reader.add_call(node)
    return reader.builder.graph([reader.output(node) for node in results])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Walks a torch graph in order.

    Attributes:
        builder: Of the graph that is made.
        names: Of the nodes, by torch's.
        known: What came out of each torch node so far.
    """

    builder: Builder
    names: Mapping[fx.Node, str]
    known: dict[fx.Node, _Known]

    def add_input(self, node: fx.Node) -> None:
        where = f"{self.builder.name}: input {node.name}"
        example = node.meta.get("val")
        if not isinstance(example, torch.Tensor) or not example.dtype.is_floating_point:
            got = example.dtype if isinstance(example, torch.Tensor) else type(example).__name__
            raise InterchangeError(f"{where}: expected a tensor of reals, got {got}; embed outside")
        shape = static_shape(example, where)
        # A sequence may come as [length, batch, features].
        if 1 not in (shape[:2] if len(shape) == 3 else shape[:1]):
            raise InterchangeError(
                f"{where}: expected a batch of 1, got {list(shape)}; export with one sample"
            )
        self.known[node] = self.builder.input(node.name, shape)

    def output(self, node: fx.Node) -> Value:
        known = self.known[node]
        if isinstance(known, torch.Tensor):
            array = _array(known)
            return self.builder.constant(node.name, array, identity(array.ndim))
        if isinstance(known, tuple):
            raise InterchangeError(f"{self.builder.name}/{node.name}: expected a tensor as output")
        return known

    def add_call(self, node: fx.Node) -> None:
        """Fold, drop or translate one call."""
        where = f"{self.builder.name}/{self.names[node]}"
        operands = [self.known[source] for source in node.all_input_nodes]
        if all(isinstance(operand, torch.Tensor) for operand in operands):
            self.known[node] = self._folded(node, where)
            return
        if not node.users:
            return  # An assertion of torch's own, or a result that nobody reads.
        if node.target is operator.getitem:
            source, index = node.args
            results = cast("tuple[Value, ...]", self.known[cast("fx.Node", source)])
            place = cast("int", index)
            if place >= len(results):
                raise InterchangeError(
                    f"{where}: result {place} of {cast('fx.Node', source).target} has no "
                    f"counterpart; expected the first {len(results)} to be read"
                )
            self.known[node] = results[place]
            return
        op = aten_name(node)
        if op not in _READ:
            known = ", ".join(sorted(name for name in _READ if not name.startswith("_")))
            raise InterchangeError(
                f"{where}: op {node.target} has no counterpart; export without "
                f"run_decompositions, or write the module in terms of {known}"
            )
        if not all(example.dtype.is_floating_point for example in examples_of(node)[:1]):
            raise InterchangeError(f"{where}: op {node.target} makes no reals; leave it out")
        self.known[node] = _READ[op](self.builder, self._call(node, op, where))

    def _folded(self, node: fx.Node, where: str) -> _Known:
        """Return what torch computes of constants alone."""
        target = cast("Any", node.target)
        require_computable(node, where, aten_name(node) in _READ)
        positional, named = self._arguments(node, lambda known: known)
        require_moderate(target, positional, named, where)
        result = target(*positional, **named)
        return tuple(cast("list[Tensor]", result)) if isinstance(result, list) else result

    def _call(self, node: fx.Node, op: str, where: str) -> Call:
        """Return the call with its arguments by name; constants as float64 arrays."""
        positional, named = self._arguments(
            node, lambda known: _array(known) if isinstance(known, torch.Tensor) else known
        )
        schema = schema_of(node)
        arguments: dict[str, object] = {}
        for i, argument in enumerate(schema.arguments if schema else ()):
            given = named.get(argument.name, argument.default_value)
            arguments[argument.name] = positional[i] if i < len(positional) else given
        return Call(
            where=where,
            name=self.names[node],
            op=str(node.target),
            arguments=arguments,
            shapes=tuple(static_shape(example, where) for example in examples_of(node)),
            feeds_linear=feeds_linear(node),
        )

    def _arguments(
        self, node: fx.Node, seen: Callable[[_Known], object]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of `node`, positional and named, with what is known of tensors."""

        def operand(source: fx.Node) -> Any:
            return seen(self.known[source])

        both = torch.fx.map_arg((node.args, node.kwargs), operand)
        positional, named = cast("tuple[tuple[Any, ...], dict[str, Any]]", both)
        return tuple(positional), dict(named)


def _array(tensor: Tensor) -> FloatArray:
    return cast("FloatArray", tensor.double().numpy())  # pyright: ignore[reportUnknownMemberType]
