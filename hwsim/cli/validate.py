"""`hwsim validate`: replay what was measured, and hold out what can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import JsonFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.evidence.memory import Memory
    from hwsim.evidence.validation import Validation


def validate(
    device: Annotated[
        list[str] | None,
        typer.Option("--device", metavar="D", help="Only the family of this profile; repeatable."),
    ] = None,
    json: JsonFile = None,
) -> None:
    """Replay what was measured; exit status 1 if the evidence of a profile says otherwise."""
    from hwsim.cli.output import check_outputs, write_texts
    from hwsim.cli.validate_tables import print_energy, print_latency, print_memory
    from hwsim.evidence.memory import memory_errors
    from hwsim.evidence.validation import family, stale
    from hwsim.evidence.validation import validate as validated

    check_outputs((json,), ())
    found: list[Validation] = []
    problems: list[str] = []
    for name in _families(device):
        of = family(name)
        results = validated(of)
        found += results
        problems += stale(of, results)
    memory = memory_errors(one.profile for one in found)
    if json is not None:
        write_texts({json: _json(found, memory)})
    print_latency(found)
    print_energy(found)
    print_memory(memory)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


def _families(device: list[str] | None) -> tuple[str, ...]:
    """Return the families of these profiles, or all.

    Raises:
        typer.BadParameter: A profile is not fitted.
    """
    from hwsim.evidence.validation import families
    from hwsim.profile import load_profile

    if not device:
        return families()
    plans = {name: load_profile(name).fit for name in device}
    missing = [name for name, plan in plans.items() if plan is None]
    if missing:
        raise typer.BadParameter(
            f"--device {missing[0]}: this profile is not fitted to measurements; those of "
            f"these families are: {', '.join(families())}"
        )
    return tuple(sorted({plan.family for plan in plans.values() if plan is not None}))


def _json(found: Sequence[Validation], memory: Sequence[Memory]) -> str:
    """Return the records: latency by profile, and energy and memory where they were measured."""
    import json
    from dataclasses import asdict

    validations = [asdict(one) for one in found]
    energy = [
        {"profile": one["profile"], **own}
        for one in validations
        if (own := one.pop("energy")) is not None
    ]
    records = {
        "validations": validations,
        "energy": energy,
        "memory": [asdict(one) for one in memory],
    }
    return json.dumps(records, indent=1) + "\n"
