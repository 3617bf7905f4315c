"""The bytes of each layer in each storage format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hwsim.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hwsim.channels.layers import Layer
    from hwsim.formats import Format
    from hwsim.tensor import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSizes:
    """One layer.

    Attributes:
        name: Of its node.
        shape: Of its weight, output channels first.
        bits: Of one weight.
        nonzeros: Weights that are not zero.
        weights: How many there are.
        stored_as: The format that the model has it in.
        bytes_in: Bytes in each format; None where it does not take the pattern.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    nonzeros: int
    weights: int
    stored_as: str
    bytes_in: Mapping[str, int | None]

    @property
    def smallest(self) -> str:
        """The format of the fewest bytes; the first one of several."""
        known = {name: size for name, size in self.bytes_in.items() if size is not None}
        return min(known, key=known.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """All layers of a model.

    Attributes:
        model: Its name.
        layers: In order.
    """

    model: str
    layers: tuple[LayerSizes, ...]

    @property
    def formats(self) -> tuple[str, ...]:
        """All that were tried, in order."""
        return tuple(dict.fromkeys(name for layer in self.layers for name in layer.bytes_in))

    @property
    def taken(self) -> tuple[str, ...]:
        """Those that take some layer, in order."""
        held = {
            n for layer in self.layers for n, size in layer.bytes_in.items() if size is not None
        }
        return tuple(name for name in self.formats if name in held)

    def total(self, format_: str) -> int | None:
        """Return the bytes of all layers; None where one is not taken."""
        sizes = [layer.bytes_in.get(format_) for layer in self.layers]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def smallest_bytes(self) -> int:
        """Bytes where each layer lies in the smallest format of its own."""
        return sum(layer.bytes_in[layer.smallest] or 0 for layer in self.layers)

    def record(self, recipe: str) -> dict[str, object]:
        """Return everything for a file of JSON; bytes are null where a format takes no layer."""
        return {
            "model": self.model,
            "recipe": recipe,
            "layers": [
                {
                    "name": layer.name,
                    "shape": list(layer.shape),
                    "bits": layer.bits,
                    "density": layer.nonzeros / layer.weights,
                    "stored_as": layer.stored_as,
                    "smallest": layer.smallest,
                    "bytes": dict(layer.bytes_in),
                }
                for layer in self.layers
            ],
            "total_bytes": {name: self.total(name) for name in self.formats},
            "smallest_bytes": self.smallest_bytes,
        }


def sizes_of(
    model: str,
    layers: Mapping[str, Layer],
    tried: Sequence[Format],
    advance: Callable[[str], None],
) -> Sizes:
    """Pack every layer in every format, and in those that the layers have.

    Args:
        model: Its name.
        layers: At least one, by name.
        tried: Dense among them.
        advance: Called after each layer with its name.
    """
    own = [op.weight.format for op in layers.values()]
    formats = tuple(dict.fromkeys((*tried, *own)))
    made: list[LayerSizes] = []
    for name, op in layers.items():
        weight = op.weight
        made.append(
            LayerSizes(
                name=name,
                shape=weight.shape,
                bits=weight.bits,
                nonzeros=weight.nonzeros,
                weights=weight.codes.size,
                stored_as=weight.format.name,
                bytes_in={each.name: _bytes(weight, each) for each in formats},
            )
        )
        advance(name)
    return Sizes(model=model, layers=tuple(made))


def _bytes(weight: Weight, format_: Format) -> int | None:
    try:
        return replace(weight, format=format_).storage_bytes
    except FormatError:
        return None
