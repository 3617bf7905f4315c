"""`hwsim devices`, `hwsim device`, `hwsim check-profile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import JsonFile, Overrides

if TYPE_CHECKING:
    from hwsim.profile import DeviceProfile

# Wider than the table can become; only there can its own width be measured.
_AMPLE = 400


def devices(json: JsonFile = None) -> None:
    """List the device profiles."""
    import json as json_library

    from rich import box
    from rich.console import Console
    from rich.table import Table

    from hwsim.cli.output import write_texts
    from hwsim.evaluation import runtime_of
    from hwsim.profile import known_devices, load_profile

    profiles = [load_profile(name) for name in known_devices()]
    records = [
        {
            "name": profile.name,
            "class": profile.device_class,
            "runtime": runtime_of(profile),
            "calibrated": profile.is_calibrated,
            "held_out_mape": None if profile.evidence is None else profile.evidence.held_out_mape,
            "measurements": None if profile.evidence is None else profile.evidence.n,
            "clock_hz": profile.hardware.clock_hz,
            "cores": profile.hardware.cores,
            "numerics": profile.numerics.policy,
            "description": profile.description,
            "profile_sha256": profile.sha256,
        }
        for profile in profiles
    ]
    if json is not None:
        write_texts({json: json_library.dumps({"devices": records}, indent=1) + "\n"})
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("device", "class", "runtime", "clock [MHz]", "held out"):
        table.add_column(heading, justify="right" if "[" in heading else "left", no_wrap=True)
    for profile in profiles:
        table.add_row(
            profile.name,
            profile.device_class,
            runtime_of(profile),
            f"{profile.hardware.clock_hz / 1e6:.0f}",
            _backing(profile),
        )
    # Names must never be cut, they are there to be copied: the lines' own width is kept.
    console = Console()
    needed = Console(width=_AMPLE).measure(table).maximum
    Console(width=max(console.width, needed)).print(table)
    typer.echo(
        "held out: mean error of latency on measurements that the profile was not fitted on; "
        "- where there are none.\nhwsim device NAME shows one in full, docs/evidence.md all errors."
    )


def _backing(profile: DeviceProfile) -> str:
    """Return how well a profile predicts what it was not fitted on."""
    evidence = profile.evidence
    if evidence is None:
        return "-"
    judge = "" if evidence.against == "silicon" else f" ({evidence.against})"
    return f"{evidence.held_out_mape:.1%} of {evidence.n}{judge}"


def device(
    name: Annotated[str, typer.Argument(metavar="D", help="A profile's name or a .yaml file.")],
    overrides: Overrides = None,
) -> None:
    """Show one profile: every number, and where it comes from."""
    import yaml

    from hwsim.cli.grid import override
    from hwsim.profile import load_profile

    profile = load_profile(name, dict(override(text) for text in overrides or ()))
    shown = profile.model_dump(mode="json", exclude_unset=True)
    typer.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100), nl=False)
    typer.echo(f"# profile_sha256: {profile.sha256}")


def check_profile(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A profile as .yaml, or a name.")],
) -> None:
    """List all that is wrong with a profile or its sources; exit status 1 if anything is."""
    from hwsim.errors import ProfileError
    from hwsim.profile import find_profile, problems, read_tree, unsourced

    path = find_profile(file)
    try:
        tree = read_tree(path)
    except ProfileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    wrong = [*problems(tree, path.stem), *unsourced(tree)]
    for problem in wrong:
        typer.echo(f"{path.stem}: {problem}", err=True)
    if wrong:
        raise typer.Exit(1)
    typer.echo(f"{path.stem}: every key is known and makes sense, every claim has a source")
