"""`hwsim validate`: replay what was measured, and hold out what can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import JsonFile

if TYPE_CHECKING:
    from hwsim.evidence.errors import Errors
    from hwsim.evidence.validation import Validation


def validate(
    device: Annotated[
        list[str] | None,
        typer.Option("--device", metavar="D", help="Only the family of this profile; repeatable."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Replay all shipped measurements; exit status 1 if a profile's evidence says otherwise."""
    import json as json_library
    from dataclasses import asdict

    from hwsim.cli.output import write_texts
    from hwsim.evidence.validation import families, family, stale
    from hwsim.evidence.validation import validate as validated
    from hwsim.profile import load_profile

    names = families()
    if device:
        plans = {name: load_profile(name).fit for name in device}
        missing = [name for name, plan in plans.items() if plan is None]
        if missing:
            raise typer.BadParameter(
                f"--device {missing[0]}: this profile is not fitted to measurements; those of "
                f"these families are: {', '.join(names)}"
            )
        names = tuple(sorted({plan.family for plan in plans.values() if plan is not None}))
    found: list[Validation] = []
    problems: list[str] = []
    for name in names:
        of = family(name)
        results = validated(of)
        found += results
        problems += stale(of, results)
    if json is not None:
        records = {"validations": [asdict(validation) for validation in found]}
        write_texts({json: json_library.dumps(records, indent=1) + "\n"})
    _print(found)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


def _print(found: list[Validation]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    headings = (
        ("profile", "left"),
        ("n", "right"),
        ("held out", "right"),
        ("median", "right"),
        ("<10/<20 %", "right"),
        ("rank", "right"),
        ("board", "right"),
        ("1 network", "right"),
        ("in sample", "right"),
        ("MACs", "right"),
        ("roofline", "right"),
    )
    for heading, justify in headings:
        table.add_column(heading, justify=justify, no_wrap=True)  # pyright: ignore[reportArgumentType]
    for one in found:
        held = one.held_out
        table.add_row(
            one.profile,
            str(one.in_sample.n if held is None else held.n),
            _mape(held),
            "-" if held is None else f"{held.median:.1%}",
            "-" if held is None else f"{held.within_10:.0%} / {held.within_20:.0%}",
            "-" if held is None or held.spearman is None else f"{held.spearman:.3f}",
            _mape(one.board),
            _mape(one.anchored),
            _mape(one.in_sample),
            _mape(one.macs),
            _mape(one.roofline),
        )
    console = Console()
    needed = Console(width=_AMPLE).measure(table).maximum
    Console(width=max(console.width, needed)).print(table)
    typer.echo(
        "Mean absolute relative error of latency. held out: the row's topology or network was left "
        "out of the fit\non every system; board: all rows of the board were; 1 network: only one "
        "network of the core or version\nwas seen. MACs and roofline: scaled to each system, held "
        "out likewise. Families end in *."
    )


# Wider than the table can become; only there can its own width be measured.
_AMPLE = 400


def _mape(errors: Errors | None) -> str:
    return "-" if errors is None else f"{errors.mape:.1%}"
