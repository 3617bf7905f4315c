"""The commands by name, and the edge where errors become one line and an exit status."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from hwsim.cli.calibrate import calibrate
from hwsim.cli.compress import compress
from hwsim.cli.devices import check_profile, device, devices
from hwsim.cli.evaluate import compare, evaluate
from hwsim.cli.explain import explain
from hwsim.cli.fit import fit
from hwsim.cli.formats import formats
from hwsim.cli.matrix import matrix
from hwsim.cli.recipes import recipes
from hwsim.cli.report import report
from hwsim.cli.run import run
from hwsim.cli.schema import schema
from hwsim.cli.search import search
from hwsim.cli.sensitivity import sensitivity
from hwsim.cli.sweep import sweep
from hwsim.cli.validate import validate
from hwsim.errors import HwsimError
from hwsim.version import __version__

# Newer typers carry a click of their own, whose errors are not those of the package click.
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

# Plain help: rich's takes longer to import than the whole budget of --help.
app = typer.Typer(
    name="hwsim",
    help="What will this compressed model cost on that chip, is it still right, "
    "and if it did not get faster, why?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(evaluate)
app.command()(compare)
app.command()(explain)
app.command()(run)
app.command()(compress)
app.command()(sensitivity)
app.command()(fit)
app.command()(validate)
app.command()(calibrate)
app.command()(sweep)
app.command()(report)
app.command()(matrix)
app.command()(search)
app.command()(devices)
app.command()(device)
app.command(name="check-profile")(check_profile)
app.command()(recipes)
app.command()(formats)
app.command()(schema)


# Objects made before the next search for garbage; Python's own threshold is 700.
_COLLECT_RARELY = 50_000


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"hwsim {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line: exit status 0 done, 1 a check failed, 2 the user's mistake."""
    # What a command imports stays until it ends: to look through it for garbage again and again,
    # and once more at the end, would take a quarter of a short command's time.
    gc.set_threshold(_COLLECT_RARELY)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign still gets the rest.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = app(standalone_mode=False)
        # What is left in it may find no room; None where the caller closed it.
        with suppress(AttributeError):
            sys.stdout.flush()
    except HwsimError as error:
        _fail(" ".join(str(error).split()))
    except _UsageError as error:
        told = " ".join(error.format_message().split()).rstrip(".")
        _fail(f"{told}; hwsim --help lists commands and options")
    except MemoryError as error:
        _fail(f"not enough memory ({' '.join(str(error).split()) or 'none left'})")
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ModuleNotFoundError as error:
        _fail(f"this needs the package {error.name}, which is not installed; pip install it")
    except BrokenPipeError:
        _end_quietly()
    except SystemExit as left:
        # Typer and rich make exit status 1 of a reader that has seen enough.
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        _end_quietly()
    except OSError as error:
        # It may be what the disk has no room for, and would be tried once more at the end.
        with suppress(OSError, AttributeError):
            sys.stdout.close()
        _fail(f"{error.filename or 'standard output'}: {error.strerror or error}")
    else:
        gc.freeze()
        sys.exit(status if isinstance(status, int) else 0)


def _end_quietly() -> NoReturn:
    # What is left in it would be tried once more at the end.
    with suppress(OSError, AttributeError):
        sys.stdout.close()
    sys.exit(0)


def _fail(message: str) -> None:
    print(f"hwsim: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
