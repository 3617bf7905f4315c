"""Networks that a few numbers describe, under names such as `gemm{m=4096,k=4096,n=4096}`.

Measurements of single kernels and of transformers name their networks so: a table of layer shapes
for each of them would say the same thing a thousand times. The weights take no memory: these
graphs are priced, never run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hwsim.errors import GraphError
from hwsim.evidence.synthetic_draft import Draft, constant
from hwsim.evidence.synthetic_resnet import resnet50
from hwsim.evidence.synthetic_transformers import hat_decoder_step, hat_encoder, llm_decode
from hwsim.ops import Elementary, LayerNorm, MatMul, Softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.graph import Graph
    from hwsim.op import Op

_SPEC = re.compile(r"(\w+)\{([^{}]*)\}", re.ASCII)
# A slip of the pen must not fill the memory: layers are built one by one, extents are not.
_MOST_LAYERS, _MOST = 256, 1 << 31
_SETTING = re.compile(r"\s*(\w+)\s*=\s*([0-9]{1,10})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """One kind of network.

    Attributes:
        build: From the full name and every parameter to the graph.
        required: Parameters that a name must give, each >= 1.
        optional: Those that it may give, >= 0, with what holds otherwise.
    """

    build: Callable[[str, Mapping[str, int]], Graph]
    required: tuple[str, ...]
    optional: Mapping[str, int] = field(default_factory=dict[str, int])


def _gemm(name: str, p: Mapping[str, int]) -> Graph:
    """Return [m, k] times [k, n], both computed at run time."""
    draft = Draft(name)
    a, b = draft.input((1, p["m"], p["k"])), draft.input((1, p["k"], p["n"]))
    return draft.graph(draft.add(MatMul(), a, b))


def _rowwise(op: Callable[[int], Op]) -> Callable[[str, Mapping[str, int]], Graph]:
    """Return the builder of one op, made for a number of columns, over [rows, columns]."""

    def build(name: str, p: Mapping[str, int]) -> Graph:
        draft = Draft(name)
        x = draft.input((1, p["rows"], p["columns"]))
        return draft.graph(draft.add(op(p["columns"]), x))

    return build


_MATRIX = ("rows", "columns")
_HAT = ("embed", "layers", "ffn", "heads")

BUILDERS: Mapping[str, Builder] = {
    "gemm": Builder(build=_gemm, required=("m", "k", "n")),
    "gelu": Builder(build=_rowwise(lambda _: Elementary(function="gelu")), required=_MATRIX),
    "softmax": Builder(build=_rowwise(lambda _: Softmax()), required=_MATRIX),
    "layer_norm": Builder(
        build=_rowwise(lambda n: LayerNorm(gamma=constant((n,)), beta=constant((n,)))),
        required=_MATRIX,
    ),
    "resnet50": Builder(build=resnet50, required=("percent",), optional={"batch": 1, "size": 224}),
    "hat_encoder": Builder(build=hat_encoder, required=_HAT, optional={"tokens": 30}),
    "hat_decoder_step": Builder(
        build=hat_decoder_step,
        required=(*_HAT, "cross_heads", "sources"),
        # Half of 30 tokens are cached on average; WMT'14 En-De has 32,768 words in HAT.
        optional={"tokens": 16, "source_tokens": 30, "vocab": 32768},
    ),
    "llm_decode": Builder(
        build=llm_decode,
        required=("embed", "layers", "ffn", "heads", "kv", "vocab"),
        optional={"tokens": 128, "bits": 32, "group": 0, "vocab_bits": 32},
    ),
}
"""Every kind that a name may ask for."""


def is_synthetic(network: str) -> bool:
    """Return whether `network` describes itself, rather than naming a table of layer shapes."""
    return "{" in network


def synthetic(network: str) -> Graph:
    """Return the graph that a name such as `softmax{rows=4096,columns=512}` describes.

    Its tensors are float32; see `BUILDERS` for the parameters.

    Raises:
        GraphError: The name is malformed, of an unknown kind, or describes no network.
    """
    match = _SPEC.fullmatch(network.strip())
    if match is None or match[1] not in BUILDERS:
        kinds = ", ".join(BUILDERS)
        raise GraphError(f"network {network!r}: expected kind{{name=number,...}} of kind {kinds}")
    builder = BUILDERS[match[1]]
    settings = {**builder.optional, **_settings(network, match[2], builder)}
    try:
        return builder.build(network, settings)
    except ValueError as error:  # Weights of more elements than an array may have.
        raise GraphError(f"network {network!r}: weights are too large: {error}") from error


def _settings(network: str, text: str, builder: Builder) -> dict[str, int]:
    """Return the parameters that a name gives: each once, known, and none missing."""
    given: dict[str, int] = {}
    for part in text.split(","):
        setting = _SETTING.fullmatch(part)
        known = (*builder.required, *builder.optional)
        if setting is None or setting[1] not in known or setting[1] in given:
            raise GraphError(
                f"network {network!r}: {part.strip()!r}: expected name=number, each once, of "
                f"{', '.join(known)}"
            )
        given[setting[1]] = int(setting[2])
    wrong = [name for name in builder.required if given.get(name, 0) < 1]
    if wrong:
        raise GraphError(f"network {network!r}: {wrong[0]}: expected a number >= 1")
    for name, number in given.items():
        most = _MOST_LAYERS if name == "layers" else _MOST
        if number > most:
            raise GraphError(f"network {network!r}: {name}: expected <= {most}, got {number}")
    return given
