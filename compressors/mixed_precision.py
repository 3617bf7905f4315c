"""Mixed precision: give each layer the bits that cost the output least within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from compressors._compressor import Compressor, DataNeed
from compressors._settings import ActivationBits
from compressors.quantization.knapsack import Item, choose
from compressors.quantization.layers import one_input, real_products
from compressors.quantization.one_layer_noise import measure, widths, with_bits
from compressors.quantization.schemes import Clip, Granularity
from compressors.quantize import Quantize
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.fusion import fused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from compressors.quantization.layers import Product
    from compressors.workbench import Price, Workbench
    from hwsim.arrays import FloatArray
    from hwsim.graph import Graph

    Make = Callable[[Mapping[str, Product]], Graph]

# Of weights that a budget is a part of, and of those that have no width of their own to choose.
_WIDEST = 8
# Of noise in labels lost: it decides where these are equal.
_TIE = 1e-6
# Prices are sums of floats, in one order or another.
_ROUNDING = 1e-9


class MixedPrecision(Compressor):
    """Quantize with the bits per layer that lose least, all layers together within a budget.

    Each layer is given integer weights of each width by itself, and the output is compared with
    that of floats; losses of layers are taken to add up, as in HAWQ-V2 (Dong et al., arXiv
    1911.03852, section 3) and as noise that is uncorrelated does. The choice of least sum within
    the budget is exact. Then `quantize` makes the integers; convolutions and linear layers have
    the chosen widths, all else 8 bits.

    Attributes:
        budget: Part of the bytes of all constants that 8 bits throughout would take.
        budget_bytes: Or bytes of all constants.
        budget_cost: Or what the graph may cost on the device at hand, in the unit of its price.
            Prices of layers are taken to add up for the choice; that of the result is asked again,
            and must keep the budget. Widths that the device cannot run are not chosen.
        bits: Widths to choose from, separated by `;`.
        metric: Of loss: `sqnr`: squared error of the first output over its square; `kl`:
            divergence of its softmax; `accuracy`: share of labels lost, where equal the former.
        granularity: One scale per output channel, or per tensor.
        clip: Whether scales hold the largest weight (`max`), or are of least squared error.
        activations: Bits of an activation, as of `quantize`.
        calibration_samples: The first so many inputs are used.
    """

    name: ClassVar[str] = "mixed_precision"
    data_need: ClassVar[DataNeed] = "labelled"
    budget: float | None = Field(default=None, gt=0.0, le=1.0)
    budget_bytes: int | None = Field(default=None, ge=1)
    budget_cost: float | None = Field(default=None, gt=0.0)
    bits: str = "2;3;4;5;6;8"
    metric: Literal["sqnr", "kl", "accuracy"] = "sqnr"
    granularity: Granularity = "channel"
    clip: Clip = "max"
    activations: ActivationBits = 8
    calibration_samples: int = Field(default=128, ge=1)

    @property
    def needs(self) -> DataNeed:
        """See `Compressor.needs`."""
        return "labelled" if self.metric == "accuracy" else "calibration"

    @property
    def is_priced(self) -> bool:
        """See `Compressor.is_priced`."""
        return self.budget_cost is not None

    @field_validator("bits")
    @classmethod
    def _known_bits(cls, value: str) -> str:
        widths(value)
        return value

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [self.budget, self.budget_bytes, self.budget_cost]
        if sum(value is not None for value in given) != 1:
            raise ValueError("expected one of budget, budget_bytes and budget_cost")
        # It checks its own settings.
        _ = self._quantize
        return self

    @property
    def _quantize(self) -> Quantize:
        return Quantize(
            weights=_WIDEST,
            activations=self.activations,
            granularity=self.granularity,
            calibration_samples=self.calibration_samples,
        )

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        graph = fused(graph)
        options = self._options(graph)
        losses = self._losses(graph, bench, options)
        widest = {name: ops[-1] for name, ops in options.items()}

        def make(ops: Mapping[str, Product]) -> Graph:
            return self._quantize.compress(graph.with_ops({**widest, **ops}), bench)

        cost, limit = self._budget_of(graph, bench, make)
        base = cost(make({}))
        extra = {n: self._extra_costs(n, ops, make, cost, base) for n, ops in options.items()}
        # What the device cannot run is no choice.
        runs = {name: np.flatnonzero(np.isfinite(costs)) for name, costs in extra.items()}
        items = [Item(losses=losses[n][own], costs=extra[n][own]) for n, own in runs.items()]
        places = choose(items, limit - base)
        if places is None:
            least = base + sum(float(item.costs.min()) for item in items)
            raise RecipeError(
                f"{graph.name}: mixed_precision expected a budget of at least {least:.6g}, which "
                f"the cheapest of bits={self.bits} need, got {limit:.6g}; raise it, or offer fewer"
            )
        chosen = zip(runs.items(), places, strict=True)
        made = make({name: options[name][int(own[place])] for (name, own), place in chosen})
        if not cost(made) <= limit * (1.0 + _ROUNDING):
            raise RecipeError(
                f"{graph.name}: mixed_precision expected costs of layers to add up to at most "
                f"{limit:.6g}, but together they are {cost(made):.6g}; lower budget_cost by as "
                "much as that exceeds it"
            )
        return made

    def _options(self, graph: Graph) -> dict[str, list[Product]]:
        """Return every layer with each number of bits, ascending, by name."""
        return {
            name: [self._with_bits(graph, name, op, bits) for bits in widths(self.bits)]
            for name, op in real_products(graph, self.name).items()
        }

    def _with_bits(self, graph: Graph, name: str, op: Product, bits: int) -> Product:
        where = f"{graph.name}/{name}: {self.name}"
        return with_bits(op, bits, self.granularity, self.clip, where)

    def _losses(
        self, graph: Graph, bench: Workbench, options: Mapping[str, Sequence[Product]]
    ) -> dict[str, FloatArray]:
        """Return the loss of each width of a layer, by its name."""
        is_labelled = self.metric == "accuracy"
        data = (bench.labelled if is_labelled else bench.inputs)(graph, self.name)
        x = one_input(graph, data, self.calibration_samples, self.name)
        y = data.head(self.calibration_samples).y if is_labelled else None
        losses: dict[str, list[float]] = {}
        for row in measure(graph, x, y, options):
            loss = {
                "sqnr": row.noise,
                "kl": row.divergence_nats,
                "accuracy": row.accuracy_drop + _TIE * row.noise,
            }[self.metric]
            losses.setdefault(row.layer, []).append(loss)
        return {name: np.array(values) for name, values in losses.items()}

    def _budget_of(self, graph: Graph, bench: Workbench, make: Make) -> tuple[Price, float]:
        """Return what a result costs, and how much it may."""
        if self.budget_cost is not None:
            return bench.priced(graph, self.name), self.budget_cost
        if self.budget_bytes is not None:
            return _bytes, float(self.budget_bytes)
        layers = real_products(graph, self.name).items()
        whole = make({name: self._with_bits(graph, name, op, _WIDEST) for name, op in layers})
        return _bytes, (self.budget or 1.0) * _bytes(whole)

    def _extra_costs(
        self, name: str, ops: Sequence[Product], make: Make, cost: Price, base: float
    ) -> FloatArray:
        """Return what each option of a layer adds to `base`, the cost of all widest ones.

        Infinite where the device cannot run it.
        """
        if self.budget_cost is None:
            # Bytes of constants do add up: the rest stays what it is.
            sizes = np.array([op.weight.storage_bytes for op in ops], np.float64)
            return sizes - sizes[-1]
        extra = [_cost(cost, make({name: op})) - base for op in ops[:-1]]
        return np.array([*extra, 0.0])


def _bytes(graph: Graph) -> float:
    return float(graph.storage_bytes)


def _cost(cost: Price, graph: Graph) -> float:
    try:
        return cost(graph)
    except UnsupportedError:
        return float("inf")
