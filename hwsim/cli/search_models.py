"""What a search builds for each choice: a network of MODEL, trained and compressed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compressors import Workbench
from compressors.elastic import Elastic
from compressors.supernet import Family
from hwsim.errors import RecipeError
from hwsim.interchange import load
from hwsim.interchange.files import is_callable_path, load_callable

if TYPE_CHECKING:
    from collections.abc import Callable

    from compressors.finetune import Finetune
    from compressors.workbench import Price, Watcher
    from hwsim.cli.space_file import SpaceFile, SupernetFile
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.search import Choice, Space

SUPERNET = "supernet"
"""The MODEL that is our own."""

Network: TypeAlias = "Callable[[Choice], Graph]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds what is judged.

    Attributes:
        file: What the user asked for.
        space: The same, with what the model knows of choices that mean the same.
        network: The network of a choice, before its recipe.
        base: The network, where it is the same for all choices.
        finetune: What networks of the front are trained by; None where they stay.
        bench: For the recipe.
    """

    file: SpaceFile
    space: Space
    network: Network
    base: Graph | None
    finetune: Finetune | None
    bench: Workbench

    def build(self, choice: Choice) -> Graph:
        """Return the network of `choice` under its recipe."""
        return self._compressed(choice, self.network(choice))

    def build_finetuned(self, choice: Choice) -> Graph:
        """Return the same, trained on before the recipe."""
        graph = self.network(choice)
        if self.finetune is not None:
            graph = self.finetune.compress(graph, self.bench)
        return self._compressed(choice, graph)

    def _compressed(self, choice: Choice, graph: Graph) -> Graph:
        return self.file.recipe_of(choice).compress(graph, self.bench)


def builder(
    model: str,
    file: SpaceFile,
    training: Data | None,
    price: Price,
    watcher: Watcher,
    seed: int,
) -> Builder:
    """Return what builds the networks of `model`; a supernet is trained here.

    Args:
        model: `supernet`, module:callable, or the path of a file.
        file: What the user asked for.
        training: What networks are trained and calibrated on.
        price: Of graphs on the device.
        watcher: Told of every training.
        seed: Of weights that a callable draws.

    Raises:
        RecipeError: The file does not fit the model, or data is missing.
        InterchangeError: The model cannot be read.
    """
    bench = Workbench(data=training, price=price, watcher=watcher)
    space, finetune, base = file.space, None, None
    if model == SUPERNET:
        if file.train is not None:
            raise RecipeError("search: train is for module:callable; put epochs into supernet")
        settings = _required(file)
        elastic = Elastic(axes=file.network_axes, stages=len(settings.strides))
        network = _supernet(settings, elastic, bench)
        space, finetune = replace(space, canonical=elastic.canonical), settings.finetune
    elif file.supernet is not None:
        raise RecipeError(f"search: {model}: supernet is for MODEL supernet; drop the key")
    elif is_callable_path(model) and (file.network_axes or file.train is not None):
        network = _of_callable(model, file, bench, seed)
    else:
        base = _of_file(model, file)
        network = partial(_same, base)
    return Builder(
        file=file, space=space, network=network, base=base, finetune=finetune, bench=bench
    )


def _required(file: SpaceFile) -> SupernetFile:
    if file.supernet is None:
        raise RecipeError(
            "search: MODEL supernet expected the key supernet, got none; "
            "such as supernet: {strides: [1, 2], epochs: 30}"
        )
    return file.supernet


def _supernet(settings: SupernetFile, elastic: Elastic, bench: Workbench) -> Network:
    if bench.data is None or bench.data.y is None:
        raise RecipeError("search: MODEL supernet expected labelled --train-data, got none")
    from compressors.training import Course
    from compressors.training.supernet import Sandwich, train_supernet

    data = bench.data
    shape = data.x.shape[1:]
    if len(shape) != 3:
        raise RecipeError(
            f"search: MODEL supernet expected images of three axes in {data.name}, got x of shape "
            f"{list(data.x.shape)}"
        )
    net = train_supernet(
        Family(
            input_shape=shape,
            classes=int(np.max(data.y if data.y is not None else 0)) + 1,
            strides=tuple(settings.strides),
            layout=settings.layout,
        ),
        Sandwich(
            largest=elastic.largest,
            smallest=elastic.smallest,
            draw=elastic.draw,
            drawn=settings.drawn,
            shift=settings.shift,
        ),
        data,
        Course(
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            batch_size=settings.batch_size,
            seed=settings.seed,
            optimizer=settings.optimizer,
            weight_decay=settings.weight_decay,
        ),
        settings.calibration_samples,
        bench.watcher,
    )
    return lambda choice: net.subnet(elastic.architecture(choice))


def _of_callable(model: str, file: SpaceFile, bench: Workbench, seed: int) -> Network:
    """Return what calls the user's callable with the axes that the recipe does not name."""
    if file.train is not None and (bench.data is None or bench.data.y is None):
        raise RecipeError("search: train expected labelled --train-data, got none")
    from compressors.training.seeded import seeded

    def network(choice: Choice) -> Graph:
        with seeded(seed):
            graph = load_callable(model, {axis: choice[axis] for axis in file.network_axes})
        return graph if file.train is None else file.train.compress(graph, bench)

    return network


def _same(graph: Graph, choice: Choice) -> Graph:
    del choice
    return graph


def _of_file(model: str, file: SpaceFile) -> Graph:
    """Return the network that only recipes change."""
    unused = list(file.network_axes)
    if unused:
        raise RecipeError(
            f"search: {model}: axis {unused[0]} has nothing to change there; name it in the "
            f"recipe as {{{unused[0]}}}, or give module:callable or supernet as MODEL"
        )
    if file.train is not None:
        raise RecipeError(
            f"search: {model}: train is for module:callable; put finetune into the recipe"
        )
    return load(model)


def training_of(judged: Data | None, training: Data | None) -> Data | None:
    """Return what networks are trained and calibrated on.

    Without data of its own, a recipe may calibrate on the inputs that judge, not on their labels:
    training on what judges would make the accuracy worthless.
    """
    if training is not None or judged is None:
        return training
    return replace(judged, y=None, name=f"{judged.name}, whose labels are kept to judge")


def judging(network: Graph | None, data: Data | None) -> Data | None:
    """Return `data` as the network before its recipe takes it.

    Integers that a float network takes as reals are written as reals: a recipe may make the
    network an integer one, which would take them as codes.

    Args:
        network: Before its recipe; None where all are of floats.
        data: What judges.
    """
    is_real = network is None or network.tensors[network.inputs[0]].quant is None
    if data is None or not is_real or data.x.dtype.kind == "f":
        return data
    return replace(data, x=data.x.astype(np.float32 if data.x.dtype.itemsize <= 2 else np.float64))
