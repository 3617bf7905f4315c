"""`hwsim search`: architectures and recipes, with the device's price in the loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.options import CsvFile, Overrides

if TYPE_CHECKING:
    from hwsim.cli.output import TrainingBar
    from hwsim.cli.search_models import Builder
    from hwsim.search import Trial
    from hwsim.search.explore import Judge


def search(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="module:callable that takes axes as keyword arguments and returns (nn.Module, "
            "example_inputs); supernet, which is our own; or a file, whose recipe is searched.",
        ),
    ],
    device: Annotated[str, typer.Option("--device", metavar="D", help="As in evaluate.")],
    space: Annotated[
        Path, typer.Option("--space", metavar="SPACE.yaml", help="Axes, recipe, objectives, ...")
    ],
    trials: Annotated[int, typer.Option("--trials", metavar="N", min=1, help="At most.")] = 50,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the search.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="X.npz", help="x: stacked inputs; y: labels, which judge."),
    ] = None,
    train_data: Annotated[
        Path | None,
        typer.Option(
            "--train-data", metavar="T.npz", help="What networks are trained and calibrated on."
        ),
    ] = None,
    set_: Overrides = None,
    csv: CsvFile = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Write the front as DIR/trial_N.hwsim."),
    ] = None,
) -> None:
    """Search widths, depths, kernels, bits, ... for what is fast on a device and still right.

    Prints the Pareto front. Ctrl-C stops early: the front of what was tried is printed and
    written all the same.
    """
    from functools import partial

    from rich.console import Console

    from hwsim.cli.grid import override
    from hwsim.cli.output import TrainingBar, write_texts
    from hwsim.cli.search_models import builder, judging, training_of
    from hwsim.cli.search_table import front_table
    from hwsim.cli.space_file import read_space
    from hwsim.data import load_data
    from hwsim.errors import UnsupportedError
    from hwsim.evaluation import evaluate
    from hwsim.interchange import save
    from hwsim.profile import load_profile
    from hwsim.row import latency_on
    from hwsim.search import front, require_labels, table

    wanted = read_space(space)
    profile = load_profile(device, dict(override(text) for text in set_ or ()))
    judged = None if data is None else load_data(data)
    require_labels(wanted.space, judged)
    training = training_of(judged, None if train_data is None else load_data(train_data))
    with TrainingBar("searching", trials) as bar:
        made = builder(model, wanted, training, latency_on(profile), bar, seed)
        judge = partial(evaluate, device=profile, data=judging(made.base, judged))
        run = _Run(builder=made, judge=judge, keeps_graphs=output is not None)
        is_stopped = run.go(trials, seed, bar)
    found = run.found
    best = front(found, made.space)
    refusals = [trial.refused for trial in found if trial.refused is not None]
    if len(refusals) == len(found):
        raise UnsupportedError(f"search: none of {len(found)} trials worked: {refusals[0]}")
    if csv is not None:
        write_texts({csv: table(found, made.space).to_csv(index=False)})
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for trial in best:
            if trial.graph is not None:
                save(trial.graph, output / f"trial_{trial.number}.hwsim")
    Console().print(front_table(found, made.space, profile.name))
    if is_stopped:
        typer.echo(f"hwsim: stopped after {len(found)} trials", err=True)
        raise typer.Exit(130)


@dataclass(kw_only=True)
class _Run:
    """Trials as they come, so that those that are finished outlive Ctrl-C."""

    builder: Builder
    judge: Judge
    keeps_graphs: bool
    found: list[Trial] = field(default_factory=list["Trial"])

    def go(self, trials: int, seed: int, bar: TrainingBar) -> bool:
        """Try out; return whether Ctrl-C ended it."""
        from hwsim.search import attempt, explore, front

        made = self.builder
        try:
            for trial in explore(made.build, made.space, self.judge, trials, seed):
                self._keep(trial)
                bar.advance(f"trial {trial.number}")
            best = front(self.found, made.space) if made.finetune is not None else []
            bar.expect(len(self.found) + len(best))
            for number, trial in enumerate(best, len(self.found)):
                build = made.build_finetuned
                self._keep(attempt(build, self.judge, number, trial.choice, "finetuned"))
                bar.advance(f"finetuning trial {trial.number}")
        except KeyboardInterrupt:
            if not self.found:
                raise
            return True
        return False

    def _keep(self, trial: Trial) -> None:
        """Add a trial; let go of graphs that nobody will write."""
        from hwsim.search import front

        self.found.append(trial)
        best = {t.number for t in front(self.found, self.builder.space)}
        self.found = [
            t
            if t.graph is None or (self.keeps_graphs and t.number in best)
            else replace(t, graph=None)
            for t in self.found
        ]
