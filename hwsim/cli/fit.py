"""`hwsim fit`: constants of a profile from measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_Profile = Annotated[str, typer.Argument(metavar="PROFILE", help="A profile's name or .yaml file.")]


def fit(
    profile: _Profile,
    measurements: Annotated[
        Path | None,
        typer.Option(
            "--measurements",
            metavar="CSV",
            help="Measured latencies: columns network, latency_ms, source; see docs/evidence.md.",
        ),
    ] = None,
    scale_only: Annotated[
        bool,
        typer.Option(
            "--scale-only",
            help="Fit one factor on all cycles: a new version or compiler from one network.",
        ),
    ] = False,
    version: Annotated[
        str | None,
        typer.Option("--version", help="What the fitted version is called in the new profile."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where the new profile goes (.yaml)."),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Rewrite the profile's own family from what is shipped."),
    ] = False,
) -> None:
    """Fit few, non-negative, named constants of a profile to measured latencies."""
    from hwsim.cli.output import write_texts
    from hwsim.evidence.new_profile import fitted_profile
    from hwsim.evidence.update import judged, refitted
    from hwsim.profile import known_devices

    if update == (measurements is not None):
        raise typer.BadParameter("expected either --measurements CSV with --output, or --update")
    if update and (output is not None or version is not None or scale_only):
        raise typer.BadParameter(
            "--update: --output, --version, --scale-only are for --measurements"
        )
    if update:
        if profile not in known_devices():
            raise typer.BadParameter(
                f"--update rewrites shipped profiles only, got {profile}; "
                "--measurements CSV --output FILE.yaml makes one of your own"
            )
        write_texts(refitted(profile))
        texts = judged(profile)
        write_texts(texts)
        for path in texts:
            typer.echo(f"{path.stem}: rewritten")
        return
    assert measurements is not None  # Else `update` holds.
    if output is None or output.suffix != ".yaml":
        raise typer.BadParameter("--output: expected a .yaml file for the new profile")
    made = fitted_profile(profile, measurements, output, version=version, is_scale_only=scale_only)
    write_texts({output: made.text})
    for line in made.report:
        typer.echo(line)
