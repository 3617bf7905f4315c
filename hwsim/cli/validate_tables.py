"""The tables of `hwsim validate`: latency, energy, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.evidence.errors import Errors
    from hwsim.evidence.memory import Memory, MemoryErrors
    from hwsim.evidence.validation import Validation

Cells: TypeAlias = "tuple[str, ...]"

# Wider than a table can become; only there can its own width be measured.
_AMPLE = 400


def print_latency(found: Iterable[Validation]) -> None:
    """Print how well latencies are predicted."""
    _print(
        "profile|n|held out|median|<10/<20 %|rank|board|1 network|in sample|MACs|roofline",
        [_latency(one) for one in found],
    )
    typer.echo(
        "Mean absolute relative error of latency. held out: the row's topology or network was left "
        "out of the fit\non every system; board: all rows of the board were; 1 network: only one "
        "network of the core or version\nwas seen. MACs and roofline: scaled to each system, held "
        "out likewise. Families end in *."
    )


def print_energy(found: Iterable[Validation]) -> None:
    """Print how well energies are predicted, where any were measured."""
    rows = [_energy(one) for one in found if one.energy is not None]
    if not rows:
        return
    _print(
        "profile|n|given latency|end to end|<10/<20 %|in sample|other versions",
        rows,
    )
    typer.echo(
        "Mean absolute relative error of energy. given latency: measured, times the mean power of "
        "the other topologies\nor networks on the board and version; end to end: held-out latency "
        "times that power; in sample: as shipped, on\nrows of the profile's own version; other "
        "versions: as shipped, on the rest."
    )


def print_memory(found: Iterable[Memory]) -> None:
    """Print how well RAM and flash are predicted, where any were published."""
    rows = [_memory(one) for one in found]
    if not rows:
        return
    _print(
        "profile|RAM n|held out|median|shipped|flash n|held out|median|shipped",
        rows,
    )
    typer.echo(
        "Mean absolute relative error of peak RAM and flash. held out: the runtime's own bytes "
        "were fitted on other\ntopologies; shipped: as the profile says."
    )


def _latency(one: Validation) -> Cells:
    held = one.held_out
    return (
        one.profile,
        str(one.in_sample.n if held is None else held.n),
        _mape(held),
        _median(held),
        _within(held),
        "-" if held is None or held.spearman is None else f"{held.spearman:.3f}",
        _mape(one.board),
        _mape(one.anchored),
        _mape(one.in_sample),
        _mape(one.macs),
        _mape(one.roofline),
    )


def _energy(one: Validation) -> Cells:
    energy = one.energy
    assert energy is not None  # Only such rows come here.
    return (
        one.profile,
        _count(energy.end_to_end),
        _mape(energy.given_latency),
        _mape(energy.end_to_end),
        _within(energy.end_to_end),
        _mape(energy.in_sample),
        _mape(energy.other_versions),
    )


def _memory(one: Memory) -> Cells:
    return one.profile, *_one_memory(one.ram), *_one_memory(one.flash)


def _one_memory(errors: MemoryErrors | None) -> Cells:
    if errors is None:
        return "-", "-", "-", "-"
    held, shipped = errors.held_out, errors.in_sample
    return str(shipped.n), _mape(held), _median(held), _mape(shipped)


def _print(headings: str, rows: Sequence[Cells]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for index, heading in enumerate(headings.split("|")):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    console = Console()
    needed = Console(width=_AMPLE).measure(table).maximum
    Console(width=max(console.width, needed)).print(table)


def _count(errors: Errors | None) -> str:
    return "-" if errors is None else str(errors.n)


def _mape(errors: Errors | None) -> str:
    return "-" if errors is None else f"{errors.mape:.1%}"


def _median(errors: Errors | None) -> str:
    return "-" if errors is None else f"{errors.median:.1%}"


def _within(errors: Errors | None) -> str:
    return "-" if errors is None else f"{errors.within_10:.0%} / {errors.within_20:.0%}"
