"""`hwsim run`: the integers of one runtime, and where another one's differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import Model

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.divergence import Comparison
    from hwsim.graph import Graph


def run(
    model: Model,
    data: Annotated[Path, typer.Option("--data", metavar="X.npz", help="x: stacked inputs.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="Y.npz",
            help="Outputs, by tensor name; T_scale and T_zero_point say what codes of T mean.",
        ),
    ],
    numerics: Annotated[
        str | None,
        typer.Option(
            "--numerics",
            metavar="POLICY",
            help="A policy such as tflite-ref, tflm or xnnpack, or the name of a device profile. "
            "By default the one that claims to be the runtime of --against, else tflite-ref.",
        ),
    ] = None,
    all_tensors: Annotated[
        bool, typer.Option("--all-tensors", help="Every tensor, not the outputs alone.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="OTHER",
            help="Find the first node and element that differ from another run: an .npz file of "
            "tensors by name, litert (its default kernels: XNNPACK), litert-ref, litert-ruy, "
            "tflite-micro or onnxruntime. Exit status 1 where something differs.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="F", help="Write what --against found as JSON."),
    ] = None,
) -> None:
    """Run a model bit-exactly as a runtime would, and write what it gives."""
    from hwsim.cli.output import check_outputs
    from hwsim.data import load_data
    from hwsim.execute import prepare_all, without_batch
    from hwsim.interchange import load

    if json_file is not None and against is None:
        raise typer.BadParameter("--json writes what --against found; give both")
    check_outputs((output, json_file), (model, data, against))
    samples = load_data(data)
    graph = load(model)
    policy = _policy_of(against) if numerics is None else numerics
    wanted = graph.outputs if against is None and not all_tensors else tuple(graph.tensors)
    results = prepare_all(graph, policy, wanted)(samples.x)
    # Compared first: where that is refused, nothing is written.
    found = None if against is None else _found(against, model, graph, results, policy)
    kept = wanted if all_tensors else graph.outputs
    _write(output, graph, {name: without_batch(results[name]) for name in kept})
    typer.echo(f"{graph.name}: {samples.count} samples under {policy}, wrote {output}")
    if found is not None and against is not None:
        _tell(found, against, policy, json_file)
        raise typer.Exit(0 if found.divergence is None else 1)


def _policy_of(against: str | None) -> str:
    """Return the policy that claims to be the runtime `against`; tflite-ref where none does."""
    if against is None:
        return "tflite-ref"
    from hwsim.numerics import POLICIES
    from hwsim.peers import find_peer

    peer = find_peer(against)
    known = [policy.name for policy in POLICIES]
    return peer.policy if peer is not None and peer.policy in known else "tflite-ref"


def _write(path: Path, graph: Graph, arrays: dict[str, Array]) -> None:
    """Write tensors, and beside them what codes mean: real = scale * (code - zero_point)."""
    import numpy as np

    from hwsim.whole_file import whole_file

    stored: dict[str, Array] = dict(arrays)
    for name in arrays:
        quant = graph.tensors[name].quant
        if quant is not None:
            # A tensor that happens to have such a name comes first.
            stored.setdefault(f"{name}_scale", np.asarray(quant.scale[0]))
            stored.setdefault(f"{name}_zero_point", np.asarray(quant.zero_point[0]))
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **stored)


def _found(
    against: str, model: str, graph: Graph, results: dict[str, Array], policy: str
) -> Comparison:
    """Compare with another run."""
    from hwsim.cli.against import other_tensors
    from hwsim.divergence import compare
    from hwsim.execute import numerics_of

    theirs = other_tensors(against, model, graph, results[graph.inputs[0]])
    return compare(graph, results, theirs, numerics_of(policy))


def _tell(found: Comparison, against: str, policy: str, json_file: Path | None) -> None:
    """Print what was found, and write it where that is wanted."""
    from hwsim.cli.against import as_tree, to_text
    from hwsim.cli.output import write_texts

    typer.echo(to_text(found, against, policy))
    if json_file is not None:
        tree = as_tree(found, against, policy)
        write_texts({json_file: json.dumps(tree, indent=2) + "\n"})
