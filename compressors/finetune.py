"""Train a float graph a little more, so that it makes up for what compression took."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from compressors._compressor import Compressor, DataNeed
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from compressors.workbench import Workbench
    from hwsim.graph import Graph


class Finetune(Compressor):
    """Train on labelled data by gradient descent; what earlier steps made stays.

    Pruned weights stay zero, shared values stay shared (Han et al., arXiv 1510.00149, section 3):
    the gradient of a shared value is the sum over the weights that have it, so that sgd wants a
    learning rate smaller by about their number, while adam takes gradients of any size. Integer
    weights that are decoded stay
    as they are: biases and norms learn around them.

    Attributes:
        epochs: Passes over the data.
        learning_rate: Of the first step; it falls to 0 along a cosine.
        batch_size: Samples per step.
        seed: Of the order of samples.
        optimizer: `sgd`, with momentum 0.9, or `adam`.
        weight_decay: Of weights, not of biases and norms; with adam, apart from the gradient
            (arXiv 1711.05101).
    """

    name: ClassVar[str] = "finetune"
    data_need: ClassVar[DataNeed] = "labelled"
    epochs: int = Field(default=5, ge=1)
    learning_rate: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    batch_size: int = Field(default=64, ge=1)
    seed: int = Field(default=0, ge=0)
    optimizer: Literal["sgd", "adam"] = "sgd"
    weight_decay: float = Field(default=0.0, ge=0)

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        if any(type_.quant is not None for type_ in graph.tensors.values()):
            raise RecipeError(
                f"{graph.name}: finetune expected a float graph, got integers; "
                "finetune before quantize"
            )
        data = bench.labelled(graph, "finetune")
        # Torch takes more than a second to import; only those who train wait for it.
        from compressors.training import Course, train

        course = Course(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
        )
        return train(graph, data, course, bench.watcher)
