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
    Bitmask: "a bit per weight, and values that are not 0",
    Block: "blocks that are not all 0, whole, and their places",
    Codebook: "a table of values, an index per weight",
    Csc: "values, their rows, where columns start",
    Csr: "values, their columns, where rows start",
    Dense: "every value",
    Huffman: "a table of values, a Huffman code per weight",
    NM: "n values per m columns, and their places",
    Relative: "values, and zeros before each in {index_bits} bits",
    Rle: "words of three: zeros before in {run_bits} bits, value",
    Signs: "a bit per weight of -1 and +1",
    Trits: "five weights of -c, 0 and c a byte",
}
_CODED = {
    "plain": "",
    "codebook": "; values as indices",
    "huffman": "; both Huffman-coded",
}


def describe(format_: Format) -> str:
    """Return what a matrix in `format_` consists of."""
    told = _HOLDS[type(format_)]
    if isinstance(format_, Relative):
        return told.format(index_bits=format_.index_bits) + _CODED[format_.coding]
    return told.format(run_bits=format_.run_bits) if isinstance(format_, Rle) else told
