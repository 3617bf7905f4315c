"""A search under way: what was asked for, and trials that outlive Ctrl-C and kills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from hwsim.cli.grid import override
from hwsim.cli.output import TrainingBar
from hwsim.cli.search_models import Builder, builder, judging, training_of
from hwsim.cli.space_file import SpaceFile
from hwsim.data import Data, load_data
from hwsim.digest import digest_of_data
from hwsim.graph import Graph
from hwsim.row import Target
from hwsim.search import (
    SEARCHED,
    Kept,
    Trial,
    attempt,
    explore,
    front,
    judge_on,
    price_on,
    read_constraints,
    require_labels,
    tightest,
)
from hwsim.search.judging import Judge
from hwsim.store import Store
from hwsim.sweeps import targets_of
from hwsim.version import __version__

FINETUNED = "finetuned"
"""The stage of networks of the front that were trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Everything that was asked for, read and checked before anything is run.

    Attributes:
        model: As given.
        file: The space, with the constraints of the command line.
        targets: What judges.
        data: The samples that judge.
        training: What networks are trained and calibrated on.
        seed: Of the search and of random weights.
    """

    model: str
    file: SpaceFile
    targets: tuple[Target, ...]
    data: Data | None
    training: Data | None
    seed: int

    @staticmethod
    def of(
        model: str,
        file: SpaceFile,
        constraints: Sequence[str],
        devices: Sequence[str],
        overrides: Sequence[str],
        data: Path | None,
        train_data: Path | None,
        seed: int,
    ) -> Asked:
        """Read what the command line says.

        Raises:
            HwsimError: Something cannot be read; the message says what.
        """
        limits = tightest([file.constraints, *map(read_constraints, constraints)])
        file = file.model_copy(update={"constraints": limits})
        targets = targets_of(devices, [dict(override(text) for text in overrides)])
        file.space.require_devices(target.profile.name for target in targets)
        judged = None if data is None else load_data(data)
        require_labels(file.space, judged)
        training = training_of(judged, None if train_data is None else load_data(train_data))
        return Asked(
            model=model, file=file, targets=targets, data=judged, training=training, seed=seed
        )

    @property
    def identity(self) -> Mapping[str, str]:
        """What figures depend on beside choice and device; of a callable, only its name."""
        path = Path(self.model)
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        devices = [(t.profile.name, t.profile.sha256, *t.overrides) for t in self.targets]
        return {
            "model": f"{self.model if not content else path.name} {content}".strip(),
            "space": self.file.model_dump_json(),
            "devices": json.dumps(devices),
            "data": digest_of_data(self.data),
            "training data": digest_of_data(self.training),
            "seed": str(self.seed),
            "version of hwsim": __version__,
        }


@dataclass(kw_only=True)
class Run:
    """Trials as they come, so that those that are finished outlive Ctrl-C.

    Attributes:
        builder: Of what is judged.
        judge: Of what is built.
        seed: Of the search.
        kept: Where trials go at once; None where they stay in memory.
        found: Finished trials, by rising number.
    """

    builder: Builder
    judge: Judge
    seed: int
    kept: Kept | None = None
    found: list[Trial] = field(default_factory=list["Trial"])

    def go(self, trials: int, bar: TrainingBar) -> bool:
        """Try out; return whether Ctrl-C ended it."""
        made = self.builder
        new = explore(
            made.build,
            made.space,
            self.judge,
            trials,
            self.seed,
            done=tuple(self.found),
            database=None if self.kept is None else self.kept.store.path,
        )
        try:
            for trial in self.found:
                bar.advance(f"trial {trial.number}")
            for trial in new:
                self._keep(trial)
                bar.advance(f"trial {trial.number}")
            self._finetune(bar)
        except KeyboardInterrupt:
            if not self.found:
                raise
            return True
        return False

    def graph_of(self, trial: Trial) -> Graph:
        """Return what was judged; it is built again where it was let go."""
        if trial.graph is not None:
            return trial.graph
        is_first = trial.stage == SEARCHED
        build = self.builder.build if is_first else self.builder.build_finetuned
        return build(trial.choice)

    def _finetune(self, bar: TrainingBar) -> None:
        made = self.builder
        if made.finetune is None:
            return
        done = {made.space.key(t.choice) for t in self.found if t.stage == FINETUNED}
        best = front([t for t in self.found if t.stage == SEARCHED], made.space)
        left = [trial for trial in best if made.space.key(trial.choice) not in done]
        bar.expect(len(self.found) + len(left))
        for number, trial in enumerate(left, len(self.found)):
            self._keep(attempt(made.build_finetuned, self.judge, number, trial.choice, FINETUNED))
            bar.advance(f"finetuning trial {trial.number}")

    def _keep(self, trial: Trial) -> None:
        """Add a trial; let go of what no longer is on the front."""
        self.found.append(replace(trial, made_of=()))
        best = {t.number for t in front(self.found, self.builder.space)}
        if self.kept is not None:
            self.kept.keep(trial, is_best=trial.number in best)
        self.found = [t if t.number in best else t.light for t in self.found]


@contextmanager
def started(asked: Asked, bar: TrainingBar, store: Path | None, *, resume: bool) -> Generator[Run]:
    """Give the run of a search; a supernet is trained here, after the store was looked at.

    Args:
        asked: For what.
        bar: Told of trainings.
        store: Where trials are kept; None for nowhere.
        resume: Whether to go on with what is kept there.

    Raises:
        HwsimError: The space does not fit the model, or another search lives in the store.
    """
    with nullcontext() if store is None else Store.open(store) as opened:
        names = partial(_names, asked)
        kept, found = None, list[Trial]()
        if opened is not None:
            kept = Kept(
                store=opened,
                identity=asked.identity,
                axes=tuple(asked.file.space.axes),
                targets=asked.targets,
                names=names,
                has_stages=asked.file.supernet is not None
                and asked.file.supernet.finetune is not None,
                seed=asked.seed,
            )
            found = kept.begin(resume=resume)
        price = price_on(asked.targets)
        made = builder(asked.model, asked.file, asked.training, price, bar, asked.seed)
        judged = judging(made.base, asked.data)
        yield Run(
            builder=made,
            judge=judge_on(asked.targets, judged),
            seed=asked.seed,
            kept=kept,
            found=found,
        )


def _names(asked: Asked, choice: Mapping[str, int | float | str | bool]) -> tuple[str, str]:
    """Return the names of the model and the recipe of a choice."""
    own = ",".join(f"{axis}={choice[axis]}" for axis in asked.file.network_axes)
    stem = Path(asked.model).stem if Path(asked.model).is_file() else asked.model
    return f"{stem}{{{own}}}" if own else stem, asked.file.recipe_text(choice)
