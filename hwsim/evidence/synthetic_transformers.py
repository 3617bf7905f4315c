"""Transformers from their extents: HAT's encoder and decoder step, and one step of an LLM."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hwsim.errors import GraphError
from hwsim.evidence.synthetic_draft import Draft
from hwsim.ops import Add, Elementary, Mul, Reshape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.graph import Graph

# Width of queries, keys and values in HAT whatever the embedding's (Wang et al., ACL 2020).
_HAT_WIDTH = 512
_WIDTHS = (4, 8, 32)


def _divides(name: str, heads: int, width: int) -> None:
    if width % heads:
        raise GraphError(f"{name}: {heads} heads do not divide {width}; give a divisor")


def _feed_forward(draft: Draft, x: str, ffn: int) -> str:
    """Return the two linear layers of a block, their residual sum and its norm."""
    hidden = draft.linear(x, ffn, "relu")
    out = draft.linear(hidden, draft.tensors[x].shape[-1])
    return draft.layer_norm(draft.add(Add(), out, x))


def hat_encoder(name: str, p: Mapping[str, int]) -> Graph:
    """Return the encoder of HAT (Wang et al., ACL 2020, figure 3) for one sentence.

    The embedding's look-up is left out.
    """
    _divides(name, p["heads"], _HAT_WIDTH)
    draft = Draft(name)
    x = draft.input((1, p["tokens"], p["embed"]))
    for _ in range(p["layers"]):
        q, k, v = (draft.heads(draft.linear(x, _HAT_WIDTH), p["heads"]) for _ in range(3))
        out = draft.linear(draft.joined(draft.attention(q, k, v)), p["embed"])
        x = _feed_forward(draft, draft.layer_norm(draft.add(Add(), out, x)), p["ffn"])
    return draft.graph(x)


def hat_decoder_step(name: str, p: Mapping[str, int]) -> Graph:
    """Return one step of HAT's decoder: one token, with keys and values of all others cached.

    `tokens` are those of the target so far, the new one included; `sources` counts the encoder
    layers that the decoder's layers attend to, all together (HAT's arbitrary encoder-decoder
    attention), of `source_tokens` each. The caches are inputs; the keys and values that the new
    token adds are outputs.
    """
    if p["sources"] < p["layers"]:
        raise GraphError(f"{name}: sources: expected >= {p['layers']}, one per layer")
    for heads in (p["heads"], p["cross_heads"]):
        _divides(name, heads, _HAT_WIDTH)
    draft = Draft(name)
    x = draft.input((1, 1, p["embed"]))
    added: list[str] = []
    for layer in range(p["layers"]):
        q, *new = (draft.linear(x, _HAT_WIDTH) for _ in range(3))
        added += new
        x = _attend_cached(draft, x, q, p["heads"], p["tokens"])
        seen = _share(p["sources"], p["layers"], layer) * p["source_tokens"]
        x = _attend_cached(draft, x, draft.linear(x, _HAT_WIDTH), p["cross_heads"], seen)
        x = _feed_forward(draft, x, p["ffn"])
    return draft.graph(draft.linear(x, p["vocab"]), *added)


def _attend_cached(draft: Draft, x: str, queries: str, heads: int, seen: int) -> str:
    """Return `x` after attention over `seen` cached tokens, its residual sum and norm."""
    shape = (1, heads, seen, _HAT_WIDTH // heads)
    keys, values = draft.input(shape), draft.input(shape)
    mixed = draft.attention(draft.heads(queries, heads), keys, values)
    out = draft.linear(draft.joined(mixed), draft.tensors[x].shape[-1])
    return draft.layer_norm(draft.add(Add(), out, x))


def _share(total: int, layers: int, layer: int) -> int:
    """Return how many of `total` fall to `layer`, the first ones taking what is left over."""
    return total // layers + (layer < total % layers)


def llm_decode(name: str, p: Mapping[str, int]) -> Graph:
    """Return one decoding step of a Llama-like model (Touvron et al., arXiv 2302.13971).

    Linear layers have weights of `bits`, the output vocabulary's of `vocab_bits`: 4 or 8 with a
    scale and a zero point per `group` of them, or 32: reals, which a profile may keep in 16.
    `kv` is the width of keys and values, less than `embed` where heads share them. Rotations of
    queries and keys are left out.
    """
    _divides(name, p["heads"], p["embed"])
    for key in ("bits", "vocab_bits"):
        if p[key] not in _WIDTHS:
            raise GraphError(f"{name}: {key}: expected one of {_WIDTHS}, got {p[key]}")
    width = p["embed"] // p["heads"]
    kv_heads = p["kv"] // width
    if p["kv"] % width or p["heads"] % kv_heads:
        raise GraphError(f"{name}: kv: expected a multiple of {width} that divides {p['embed']}")
    draft = Draft(name)
    linear = partial(draft.linear, bits=p["bits"], group=p["group"])
    x = draft.input((1, 1, p["embed"]))
    added: list[str] = []
    for _ in range(p["layers"]):
        seen = draft.rms_norm(x)
        queries = linear(seen, p["embed"])
        added += [linear(seen, p["kv"]) for _ in range(2)]
        # Heads that share keys are rows of one product.
        shared = draft.add(Reshape(shape=(1, kv_heads, p["heads"] // kv_heads, width)), queries)
        shape = (1, kv_heads, p["tokens"], width)
        mixed = draft.attention(shared, draft.input(shape), draft.input(shape))
        flat = draft.add(Reshape(shape=(1, 1, p["embed"])), mixed)
        x = draft.add(Add(), linear(flat, p["embed"]), x)
        seen = draft.rms_norm(x)
        gate = draft.add(Elementary(function="silu"), linear(seen, p["ffn"]))
        gated = draft.add(Mul(), gate, linear(seen, p["ffn"]))
        x = draft.add(Add(), linear(gated, p["embed"]), x)
    last = draft.rms_norm(x)
    logits = draft.linear(last, p["vocab"], bits=p["vocab_bits"], group=p["group"])
    return draft.graph(logits, *added)
