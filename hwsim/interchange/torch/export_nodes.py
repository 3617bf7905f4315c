"""Ask the nodes of an exported torch graph: op, name, shapes, readers."""

from __future__ import annotations

import operator
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export.graph_signature import OutputKind
from torch.utils._pytree import tree_leaves

from hwsim.errors import InterchangeError
from hwsim.interchange.torch.elementwise import ELEMENTARY
from hwsim.interchange.torch.shapes import KEPT
from hwsim.limits import CONSTANT_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, fx
    from torch.export import ExportedProgram

    from hwsim.arrays import Shape


class Argument(Protocol):
    """An argument of an aten op, as torch declares it."""

    @property
    def name(self) -> str:
        """As in the schema."""
        ...

    @property
    def default_value(self) -> object:
        """None where there is none."""
        ...


class Schema(Protocol):
    """The declaration of an aten op."""

    @property
    def name(self) -> str:
        """With its namespace: `aten::relu_`."""
        ...

    @property
    def arguments(self) -> Sequence[Argument]:
        """In order, keyword arguments last."""
        ...


def schema_of(node: fx.Node) -> Schema | None:
    """Return the declaration of the op that `node` calls; None where it calls something else."""
    target = cast("Any", node.target)
    if not isinstance(target, torch._ops.OpOverload):  # pyright: ignore[reportPrivateUsage]
        return None
    return cast("Schema", cast("Any", target)._schema)


# Ops beside torch's core ones that make constants, or move their elements.
_MOVES = """
    T alias arange broadcast_to chunk clone contiguous detach dropout eye expand_as feature_dropout
    flatten full_like lift_fresh_copy linspace mH mT matmul meshgrid movedim moveaxis narrow
    new_full new_ones new_zeros numpy_T ones ones_like outer permute ravel repeat_interleave
    reshape roll scalar_tensor split split_with_sizes stack swapaxes t tensor_split tile to
    transpose tril triu type_as unbind unflatten unsqueeze view_as zeros zeros_like _to_copy
    _unsafe_view einsum
"""


def require_computable(node: fx.Node, where: str, is_read: bool) -> None:
    """Refuse ops of constants that are no plain mathematics: aten reads and maps files too.

    Args:
        node: A call whose operands are all constant.
        where: For messages.
        is_read: Whether the op has a counterpart in a graph.

    Raises:
        InterchangeError: It is no such op, or is random.
    """
    target = cast("Any", node.target)
    if schema_of(node) is None:
        raise InterchangeError(f"{where}: {target} is no aten op; leave it out of forward()")
    if torch.Tag.nondeterministic_seeded in target.tags:
        raise InterchangeError(f"{where}: {target} is random; expected a forward that repeats")
    is_plain = {torch.Tag.core, torch.Tag.pointwise}.intersection(target.tags)
    if not (is_read or is_plain or aten_name(node) in _MOVES.split()):
        raise InterchangeError(f"{where}: {target} of constants is not computed; do it before")


def require_moderate(target: Any, positional: Any, named: Any, where: str) -> None:
    """Refuse results that are far larger than what they are made of, before they are made.

    Raises:
        InterchangeError: They would be.
    """
    with FakeTensorMode(allow_non_fake_inputs=True):
        made: Any = target(*positional, **named)
    results = [t for t in tree_leaves(made) if isinstance(t, torch.Tensor)]
    given = [t for t in tree_leaves((positional, named)) if isinstance(t, torch.Tensor)]
    elements = sum(result.numel() for result in results)
    most = CONSTANT_ELEMENTS + 2 * sum(tensor.numel() for tensor in given)
    if elements > most:
        raise InterchangeError(
            f"{where}: {target} would make a constant of {elements} elements, expected at most "
            f"{most}"
        )


def aten_name(node: fx.Node) -> str:
    """Return `relu` for aten.relu.default and aten.relu_.default; the target where it is none."""
    schema = schema_of(node)
    if schema is None or not schema.name.startswith("aten::"):
        return str(node.target)
    return schema.name.removeprefix("aten::").rstrip("_")


def static_shape(tensor: Tensor, where: str) -> Shape:
    """Return the shape of an example.

    Raises:
        InterchangeError: An extent is symbolic.
    """
    extents = cast("tuple[object, ...]", tuple(tensor.shape))
    if not all(isinstance(extent, int) for extent in extents):
        raise InterchangeError(
            f"{where}: expected fixed extents, got {list(extents)}; export without dynamic_shapes"
        )
    return cast("Shape", extents)


def examples_of(node: fx.Node) -> list[Tensor]:
    """Return the results of `node` that torch traced with, which have shapes but no values."""
    results = node.meta["val"]
    if isinstance(results, torch.Tensor):
        return [results]
    return [result for result in cast("list[object]", results) if isinstance(result, torch.Tensor)]


def results_of(program: ExportedProgram) -> list[fx.Node]:
    """Return the tensors that the user gets, in order and as often as returned.

    After run_decompositions the new values of buffers and inputs are outputs too, which the user
    never sees.
    """
    output = next(node for node in program.graph.nodes if node.op == "output")
    returned = cast("Sequence[object]", output.args[0])
    return [
        result
        for result, spec in zip(returned, program.graph_signature.output_specs, strict=True)
        if spec.kind == OutputKind.USER_OUTPUT and isinstance(result, torch.fx.Node)
    ]


def nodes_of(program: ExportedProgram, results: Sequence[fx.Node]) -> list[fx.Node]:
    """Return the nodes in order, less the output and what only makes new values of buffers."""
    dropped: set[fx.Node] = set()
    for node in reversed(program.graph.nodes):
        # What nobody reads may be an op in place on a constant.
        unseen = node.op == "call_function" and node.users and node not in results
        if node.op == "output" or (unseen and dropped.issuperset(node.users)):
            dropped.add(node)
    return [node for node in program.graph.nodes if node not in dropped]


def feeds_linear(node: fx.Node) -> bool:
    """Return whether only linear layers read `node`, through ops that look at single elements."""
    return bool(node.users) and all(
        (aten_name(user) == "linear" and user.args[0] is node and node not in user.args[1:])
        or (aten_name(user) in (*ELEMENTARY, *KEPT) and feeds_linear(user))
        for user in node.users
    )


def node_names(nodes: Sequence[fx.Node]) -> dict[fx.Node, str]:
    """Return a name for each node: its module's path, and torch's name where one is not enough.

    One call of a module, such as `layer1.conv1`, mostly is one node.
    """
    innermost = {node: _innermost_call(node) for node in nodes}
    times = Counter(innermost.values())
    names: dict[fx.Node, str] = {}
    for node, (call, path) in innermost.items():
        if path and times[call, path] == 1:
            names[node] = path
        else:
            names[node] = f"{path}.{node.name}" if path else node.name
    return names


def _innermost_call(node: fx.Node) -> tuple[str, str]:
    """Return (key of the call, path) of the innermost module around `node`."""
    stack = cast("Mapping[str, tuple[str, str]]", node.meta.get("nn_module_stack") or {})
    if not stack:
        return "", ""
    key, (path, _) = list(stack.items())[-1]
    return key, path


def check_in_place(nodes: Sequence[fx.Node], name: str) -> None:
    """Refuse an op in place whose operand is read afterwards under another name.

    Torch hands the new name to whoever reads the tensor later, but not to views of it.

    Raises:
        InterchangeError: There is such an op.
    """
    places = {node: i for i, node in enumerate(nodes)}
    roots: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        source = node.args[0] if node.args else None
        schema = str(schema_of(node))
        # Schemas mark what shares memory: Tensor(a) for a view, Tensor(a!) for a change in place.
        shares = "(a" in schema or node.target is operator.getitem
        if not shares or not isinstance(source, torch.fx.Node):
            roots[node] = node
            continue
        roots[node] = roots[source]
        if "(a!" not in schema:
            continue
        for other, root in roots.items():
            late = [user for user in other.users if places[user] > places[node]]
            if root is roots[node] and other is not node and late:
                raise InterchangeError(
                    f"{name}/{node.name}: {node.target} changes a tensor that {late[0].name} "
                    "reads under another name; use the op that is not in place"
                )
