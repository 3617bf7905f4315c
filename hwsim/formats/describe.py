"""What each storage format holds, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.formats import (
    NM,
    Bitmask,
    Block,
    Codebook,
    Csc,
    Csr,
    Dense,
    Huffman,
    Relative,
    Rle,
    Signs,
    Trits,
)

if TYPE_CHECKING:
    from hwsim.formats import Format

_HOLDS: dict[type, str] = {
    Bitmask: "a bit per weight, values that are not 0",
    Block: "blocks not all 0, whole; their places",
    Codebook: "a table, an index per weight",
    Csc: "values, their rows, where columns start",
    Csr: "values, their columns, where rows start",
    Dense: "every value",
    Huffman: "a table, a Huffman code per weight",
    NM: "n values per m columns, their places",
    Relative: "values, zeros before each in {index_bits} bits",
    Rle: "three to a word: zeros in {run_bits} bits, value",
    Signs: "a bit per weight of -1 and +1",
    Trits: "five weights of -c, 0 and c a byte",
}
_CODED = {
    "plain": _HOLDS[Relative],
    "codebook": "likewise, values as indices of a table",
    "huffman": "likewise, values and zeros as codes",
}


def describe(format_: Format) -> str:
    """Return what a matrix in `format_` consists of."""
    if isinstance(format_, Relative):
        return _CODED[format_.coding].format(index_bits=format_.index_bits)
    told = _HOLDS[type(format_)]
    return told.format(run_bits=format_.run_bits) if isinstance(format_, Rle) else told
