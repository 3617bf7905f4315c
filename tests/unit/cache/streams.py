"""Hierarchies and streams that the tests of caches draw from."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from hwsim.cache import CacheLevel


def level(
    ways: int, sets: int, line_bytes: int = 64, name: str = "L1", refreshes_on_write: bool = True
) -> CacheLevel:
    return CacheLevel(
        name=name,
        size_bytes=ways * sets * line_bytes,
        line_bytes=line_bytes,
        ways=ways,
        refreshes_on_write=refreshes_on_write,
    )


@st.composite
def hierarchies(draw: st.DrawFn, refreshes: tuple[bool, ...] = (True, False)) -> list[CacheLevel]:
    """One to three levels of 1 to 40 ways, sets of any number, lines that do not shrink."""
    count = draw(st.integers(1, 3))
    line_bits = sorted(draw(st.lists(st.integers(2, 7), min_size=count, max_size=count)))
    return [
        level(
            ways=draw(st.one_of(st.integers(1, 9), st.sampled_from((12, 16, 20, 32, 33, 40)))),
            sets=draw(st.integers(1, 9)),
            line_bytes=1 << bits,
            name=f"L{at + 1}",
            refreshes_on_write=draw(st.sampled_from(refreshes)),
        )
        for at, bits in enumerate(line_bits)
    ]


# Few lines, so that sets fill and lines come back; some addresses are far.
ADDRESSES: Final = st.one_of(st.integers(0, 2000), st.integers(0, 1 << 44))
ACCESSES: Final = st.lists(st.tuples(ADDRESSES, st.integers(1, 300), st.booleans()), max_size=300)
