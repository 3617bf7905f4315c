"""All storage formats. A new one is one file here and one line below."""

from hwsim.formats._format import Format, Packed, Product
from hwsim.formats.bitmask import Bitmask
from hwsim.formats.csr import Csr
from hwsim.formats.dense import Dense
from hwsim.formats.nm import NM

FORMATS: tuple[Format, ...] = (Dense(), Csr(), Bitmask(), NM(1, 4), NM(2, 4), NM(4, 8))

__all__ = ["FORMATS", "NM", "Bitmask", "Csr", "Dense", "Format", "Packed", "Product"]
