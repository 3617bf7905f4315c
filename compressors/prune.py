"""Pruning: single weights, groups of them, N:M patterns, filters, heads or residual blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from pydantic import Field, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors.pruning.compatibility import SHRINKING, refusal
from compressors.pruning.criteria import CRITERIA, CriterionName, Study
from compressors.pruning.groups import PARTINGS, block_of, structure_of
from compressors.pruning.masking import OBS, Masking
from compressors.pruning.quota import Quota, Scope, read_ratios
from compressors.pruning.schedule import ScheduleName, stages
from compressors.pruning.shrinking import Blocks, Filters, Heads, Selection
from hwsim.channels.layers import layers_of
from hwsim.errors import FormatError
from hwsim.formats import NM, Block
from hwsim.formats.find import find_format, pattern_of

if TYPE_CHECKING:
    from compressors.pruning.schedule import Stage
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class Prune(Compressor):
    """Set the weights of least worth to zero, or remove filters, heads or residual blocks.

    Weights of convolutions and linear layers only; biases and norms stay. Integer graphs are
    pruned to their zero points. Counts are exact: round(sparsity * n) weights (groups, filters,
    heads, blocks) go, zeros that are there already first. N:M leaves depthwise convolutions and
    rows of at most N weights dense; `kernel` leaves linear layers.

    Attributes:
        structure: What goes. `unstructured`: single weights; `N:M` such as `2:4`: at most N of
            each M weights along a row; `blockRxC` such as `block4x4`: blocks of the matrix
            [out, kernel height x width x in], stored as `bsrRxC`; its `row`s (not of layers that
            make outputs of the graph) or `column`s; `kernel`: one input's slice of a filter.
            These become zeros. `filter`: output channels, `head`: attention heads, `layer`:
            residual blocks; these really go, with everything that depends on them.
        sparsity: Fraction to remove, 0 <= sparsity < 1; an N:M pattern says it already.
        threshold: Instead of sparsity, unstructured: weights of |w| < threshold go, ties stay
            (Han et al., arXiv 1506.02626).
        ratios: Fractions of single layers that go before `sparsity`: `conv1=0.3;fc*=0.8`, shell
            patterns, the first that fits; without sparsity, other layers stay as they are.
        scope: `local`: the fraction of each layer; `global`: of all layers by one threshold, raw
            scores for weights, scores over their layer's mean for wanda, groups, filters and
            heads; `lamp`: of all, by w^2 over the squares that are left (arXiv 2010.07611).
        criterion: What is worth least. By weight: `l1`, `l2`, `lp`, `random`; `wanda`: |w| times
            the norm of its inputs, compared within each output (arXiv 2306.11695); `taylor`: (w
            dL/dw)^2 (1906.10771); `fisher`: 1/2 h w^2, optimal brain damage; `movement`: -sum w
            dL/dw while training (2005.07683); `obs`: optimal brain surgery, after which the
            other weights make up for it (SparseGPT, 2301.00774). By filter, for filter and row:
            `geometric_median` (1811.00250), `bn_scale` (1708.06519), `activation_mean`, `apoz`
            (1607.03250), `taylor_activation` (1611.06440). By block, for layer: `cosine`.
        p: Exponent of lp, 0.01 to 16: beyond, powers of all weights would be 0 or 1.
        damping: Of obs: part of the mean of the Hessian's diagonal that is added to all of it.
        round_to: The channels that filter pruning leaves of a layer are rounded up to a multiple
            of this, on each side of a concatenation too; where that cannot be had, all stay.
        format: How weights that are no N:M pattern or block are stored then.
        layers: Node names to prune: shell patterns, separated by `;`. Heads have the name of the
            product of softmax and values, residual blocks that of their sum.
        exclude: Node names to leave, likewise.
        schedule: `one_shot`; `iterative`: each step removes the same share of what is left;
            `cubic`: fast at first (AGP, arXiv 1710.01878).
        steps: Of an iterative or cubic schedule.
        epochs: Passes over the data between two steps, and those that movement watches.
        learning_rate: Of these passes.
        batch_size: Samples per step of training, and per gradient of taylor.
        calibration_samples: The first so many samples are looked at by criteria.
        seed: Of random, and of the order of samples.
    """

    name: ClassVar[str] = "prune"
    data_need: ClassVar[DataNeed] = "labelled"
    structure: str = "unstructured"
    sparsity: float | None = Field(default=None, ge=0.0, lt=1.0)
    threshold: float | None = Field(default=None, ge=0.0)
    ratios: str = ""
    scope: Scope = "local"
    criterion: CriterionName = "l1"
    p: float = Field(default=2.0, ge=0.01, le=16.0)
    damping: float = Field(default=0.01, gt=0.0)
    round_to: int = Field(default=1, ge=1)
    format: str = "bitmask"
    layers: str = "*"
    exclude: str = ""
    schedule: ScheduleName = "one_shot"
    steps: int = Field(default=1, ge=1, le=1000)
    epochs: int = Field(default=1, ge=0)
    learning_rate: float = Field(default=0.01, gt=0.0)
    batch_size: int = Field(default=64, ge=1)
    calibration_samples: int = Field(default=256, ge=1)
    seed: int = Field(default=0, ge=0)

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        if self.steps > 1 and self.epochs:
            return "labelled"
        return "calibration" if self.criterion == OBS else CRITERIA[self.criterion].needs

    @field_validator("structure")
    @classmethod
    def _known_structure(cls, value: str) -> str:
        known = (*PARTINGS, *SHRINKING)
        if value not in known and block_of(value) is None and pattern_of(value) is None:
            raise ValueError(
                f"expected {', '.join(known)}, blockRxC with extents of at most 256, or N:M with "
                f"1 <= N <= M <= 256, got {value!r}"
            )
        return value

    @field_validator("ratios")
    @classmethod
    def _readable_ratios(cls, value: str) -> str:
        read_ratios(value)
        return value

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        try:
            format_ = find_format(value)
        except FormatError as error:
            raise ValueError(str(error)) from error
        if isinstance(format_, NM):
            raise ValueError(
                f"expected an unstructured format, got {value}; structure={value} does"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        reason = refusal(self)
        if reason is not None:
            raise ValueError(f"structure={self.structure} got {reason}")
        return self

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        reduction = self._reduction(graph)
        for stage in stages(self.schedule, self.steps):
            if stage.step > 1 and self.epochs:
                graph = self._trained(graph, bench)
            graph = reduction.to(self._study(graph, bench), stage)
        return graph

    def _reduction(self, graph: Graph) -> _Reduction:
        """Return what takes each step; what goes is counted in `graph`."""
        quota = Quota(
            sparsity=self.sparsity,
            ratios=read_ratios(self.ratios),
            layers=self.layers,
            exclude=self.exclude,
        )
        if self.structure == "layer":
            return Blocks(graph, self.criterion, quota)
        scope = "local" if self.scope == "local" else "global"
        selection = Selection(
            criterion=self.criterion, scope=scope, quota=quota, round_to=self.round_to
        )
        if self.structure == "head":
            return Heads(graph, selection)
        if self.structure == "filter":
            return Filters(graph, selection)
        structure = pattern_of(self.structure) or structure_of(self.structure)
        own = structure if isinstance(structure, (Block, NM)) else find_format(self.format)
        return Masking(
            structure=structure,
            criterion=self.criterion,
            scope=self.scope,
            quota=quota,
            threshold=self.threshold,
            format=own,
            damping=self.damping,
        )

    def _study(self, graph: Graph, bench: Workbench) -> Study:
        """Return what criteria look at.

        Heads and blocks are chosen by names of their own: all layers may be theirs.
        """
        return Study(
            graph=graph,
            layers=layers_of(graph),
            bench=bench,
            samples=self.calibration_samples,
            p=self.p,
            epochs=max(1, self.epochs),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )

    def _trained(self, graph: Graph, bench: Workbench) -> Graph:
        data = bench.labelled(graph, "prune")
        # Torch takes more than a second to import; only those who train wait for it.
        from compressors.training import Course, train

        course = Course(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        return train(graph, data, course, bench.watcher)


class _Reduction(Protocol):
    """Makes a graph smaller, or sparser, stage by stage."""

    def to(self, study: Study, stage: Stage) -> Graph:
        """Return what is left of the graph of `study` after `stage`."""
        ...
