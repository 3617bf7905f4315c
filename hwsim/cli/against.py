"""`hwsim run --against`: the other run's tensors, and the first difference in words."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.cli._onnx_tensors import onnx_tensors
from hwsim.errors import UnsupportedError
from hwsim.interchange import save
from hwsim.peers import PEERS, find_peer, recorded_tensors

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from hwsim.arrays import Array
    from hwsim.divergence import Comparison, Divergence, Trial
    from hwsim.graph import Graph
    from hwsim.peers import Peer

_SHOWN = 3


def other_tensors(against: str, model: str, graph: Graph, x: Array) -> dict[str, Array]:
    """Return the tensors of the run that `against` names, by name.

    Args:
        against: A runtime, or an .npz file of tensors by name.
        model: Where `graph` was read from; it is written to a temporary file where the runtime
            takes another kind.
        graph: The model.
        x: [samples, ...], as the model takes it: codes where it takes codes.

    Raises:
        UnsupportedError: There is no such runtime, or its package is missing.
        InterchangeError: The model cannot be written for it.
        DataError: It refuses the model or the inputs.
    """
    if against.endswith(".npz"):
        return recorded_tensors(Path(against))
    peer = find_peer(against)
    if peer is None:
        known = ", ".join(peer.name for peer in PEERS)
        raise UnsupportedError(
            f"no runtime {against!r} to compare with; known: {known}, or an .npz file of tensors "
            "by name, as hwsim run --all-tensors writes"
        )
    with _file(peer, model, graph) as path:
        if peer.suffix != ".onnx":
            return peer.run(path, x, tuple(graph.tensors))
        return onnx_tensors(peer, path, graph, x)


@contextmanager
def _file(peer: Peer, model: str, graph: Graph) -> Generator[Path]:
    """Give a file that `peer` runs: the model's own, or one that is gone afterwards."""
    if Path(model).suffix == peer.suffix:
        yield Path(model)
        return
    with tempfile.TemporaryDirectory(prefix="hwsim.") as folder:
        path = Path(folder) / f"model{peer.suffix}"
        save(graph, path)
        yield path


def as_tree(comparison: Comparison, against: str, numerics: str) -> Mapping[str, object]:
    """Return the comparison as what JSON holds."""
    return {"against": against, "numerics": numerics, **asdict(comparison)}


def to_text(comparison: Comparison, against: str, numerics: str) -> str:
    """Return the comparison in plain words, a line each."""
    many = "tensor" if comparison.tensors == 1 else "tensors"
    compared = f"{comparison.values:,} values of {comparison.tensors:,} {many} compared"
    lines = [f"{numerics} against {against}: {compared}"]
    if comparison.skipped:
        names = ", ".join(comparison.skipped[:_SHOWN])
        more = ", ..." if len(comparison.skipped) > _SHOWN else ""
        lines.append(f"not given by {against}: {len(comparison.skipped):,} ({names}{more})")
    found = comparison.divergence
    if found is None:
        lines.append("no difference")
    else:
        peer = find_peer(against)
        lines += _described(found, numerics, "" if peer is None else peer.policy)
    return "\n".join(lines)


def _described(found: Divergence, numerics: str, claim: str) -> list[str]:
    """Return the lines about a difference; the policy `claim` is named first where it explains."""
    index = ", ".join(map(str, found.index))
    place = f"node {found.node!r} ({found.kind}), tensor {found.tensor!r}, sample {found.sample}"
    both = f"ours {found.ours:g}, theirs {found.theirs:g}"
    count = f"{found.differing:,} of {found.values:,} values of that tensor differ"
    lines = [
        f"first difference: {place}, element [{index}]: {both}",
        f"{count}, by at most {found.largest:g}",
    ]
    if found.unseen:
        lines.append(f"its operand {found.unseen[0]!r} was not compared: look there first")
    if not found.policies:
        return [*lines, "reals: no rounding explains it"]
    policies, roundings = _exact(found.policies), _exact(found.roundings)
    policies = tuple(sorted(policies, key=lambda trial: trial.name != claim))
    if any(trial.name == numerics for trial in policies):
        lines.append(
            f"from the other run's own operands {numerics} gives its values too: its operands "
            "are reals that differ by less than what was looked for"
        )
    elif policies:
        lines.append(f"policies that give all of its values here: {_joined(policies)}")
        lines.append(f"try --numerics {policies[0].name}")
    if roundings:
        lines.append(f"roundings that give all of its values here: {_joined(roundings)}")
    if not policies and not roundings:
        best = min(found.policies + found.roundings, key=lambda trial: trial.differing)
        lines.append(
            f"no policy or rounding known here gives them all; nearest: {_joined((best,))}, "
            f"{best.differing:,} differ"
        )
    return lines


def _exact(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    return tuple(trial for trial in trials if trial.differing == 0)


def _joined(trials: tuple[Trial, ...]) -> str:
    return ", ".join(
        f"{trial.name} ({trial.meaning})" if trial.meaning else trial.name for trial in trials
    )
