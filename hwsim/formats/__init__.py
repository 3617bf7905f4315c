"""All storage formats. A new one is one file here and one line below."""

from typing import get_args

from hwsim.formats._format import Format, Packed, Product
from hwsim.formats.bitmask import Bitmask
from hwsim.formats.block import Block
from hwsim.formats.codebook import Codebook
from hwsim.formats.csc import Csc
from hwsim.formats.csr import Csr
from hwsim.formats.dense import Dense
from hwsim.formats.huffman import Huffman
from hwsim.formats.nm import NM
from hwsim.formats.relative import Coding, Relative
from hwsim.formats.rle import Rle
from hwsim.formats.signs import Signs
from hwsim.formats.trits import Trits

FORMATS: tuple[Format, ...] = (
    Dense(),
    Csr(),
    Csc(),
    Bitmask(),
    NM(1, 4),
    NM(2, 4),
    NM(4, 8),
    Block(4, 4),
    Signs(),
    Trits(),
    Codebook(),
    Huffman(),
    *(Relative(bits, coding) for bits in (4, 8) for coding in get_args(Coding)),
    *(Rle(bits) for bits in (4, 8)),
)

__all__ = [
    "FORMATS",
    "NM",
    "Bitmask",
    "Block",
    "Codebook",
    "Csc",
    "Csr",
    "Dense",
    "Format",
    "Huffman",
    "Packed",
    "Product",
    "Relative",
    "Rle",
    "Signs",
    "Trits",
]
