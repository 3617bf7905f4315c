"""One level of LRU, a set at a time: emitted in LLVM's language for vectors of whole sets.

A lookup is one comparison of all ways; the move to the front is one select between the ways as
they are and the ways moved by one place, up to where the line was found. Nothing branches but the
test for the same line again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hwsim.cache.state import padded_ways
from hwsim.kernels.micro.assembly import (
    I64,
    Variable,
    counted,
    function_text,
    ir,
    load,
    number,
    shuffle,
    splat,
    store,
    vector,
)
from hwsim.kernels.micro.library import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value


TOTALS: Final = 4
"""Misses, misses of writes, write-backs, events sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one emitted function is made for.

    Attributes:
        ways: Lines of a set.
        is_mask: Whether the number of sets is a power of two.
        has_writes: Whether lines may be written, or dirty.
        refreshes: Whether a write that hits makes its line the most recent.
        entry_bits: Width of the numbers that a set holds, 32 or 64.
    """

    ways: int
    is_mask: bool
    has_writes: bool
    refreshes: bool
    entry_bits: int

    @property
    def name(self) -> str:
        """Name of the function."""
        sets = "mask" if self.is_mask else "any"
        kind = ("fresh" if self.refreshes else "stale") if self.has_writes else "read"
        return f"hwsim_lru_{self.ways}x{self.entry_bits}_{sets}_{kind}"


def level_address(form: Form) -> int:
    """Return the address of the function that puts events through a level.

    It takes the addresses of events, entries, the next level's events and totals, as
    `hwsim.cache._lru.walk_level` does, with the number of events before, and the numbers of sets
    and of bits to shift behind.
    """
    return address_of(form.name, lambda: level_text(form))


def level_text(form: Form) -> str:
    """Return the function of `level_address` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        count, events, entries, out, totals, sets, shift, *_ = inputs
        last = Variable(b, number(-1))
        sums = [Variable(b, number(0)) for _ in range(TOTALS)]
        if not form.has_writes:
            # Where nothing is written back, what is sent are the misses.
            sums[0] = sums[3]
        with counted(b, count) as i:
            event = load(b, b.add(events, b.mul(i, number(8))), I64)
            # A line that was just written stays so when it is read; where writes leave the order
            # as it is, that read moves the line.
            before = last.get(b)
            same = event
            if form.has_writes and form.refreshes:
                same = b.or_(event, b.and_(before, number(1)))
            with b.if_then(b.icmp_signed("!=", same, before)):
                last.set(b, event)
                _access(b, form, event, (entries, out, sets, shift), sums)
        for at, total in enumerate(sums):
            address = b.add(totals, number(8 * at))
            store(b, b.add(load(b, address, I64), total.get(b)), address)

    return function_text(form.name, emit)


def _access(
    b: Builder, form: Form, event: Value, places: Sequence[Value], sums: Sequence[Variable]
) -> None:
    """Emit one event, and what it sends to the next level."""
    entries, out, sets, shift = places
    misses, write_misses, write_backs, sent = sums
    line = b.ashr(event, number(1))
    where = b.and_(line, b.sub(sets, number(1))) if form.is_mask else b.urem(line, sets)
    lanes, element = padded_ways(form.ways), ir.IntType(form.entry_bits)
    row = b.add(entries, b.mul(where, number(form.entry_bits // 8 * lanes)))
    ways = load(b, row, vector(element, lanes))
    victim: Value = b.extract_element(ways, number(form.ways - 1))
    # Numbers of 64 bits are the same before and behind these.
    if form.entry_bits < I64.width:
        victim, key = b.sext(victim, I64), b.trunc(event, element)
    else:
        key = event
    new, is_miss = _moved(b, form, key, ways)
    store(b, new, row)
    missed = b.zext(is_miss, I64)
    _send(b, out, sent, (event, shift, number(0)), missed)
    if form.has_writes:
        misses.set(b, b.add(misses.get(b), missed))
        write_misses.set(b, b.add(write_misses.get(b), b.and_(missed, event)))
        dirty = b.and_(missed, victim)
        write_backs.set(b, b.add(write_backs.get(b), dirty))
        _send(b, out, sent, (victim, shift, number(1)), dirty)


def _send(b: Builder, out: Value, sent: Variable, what: Sequence[Value], is_sent: Value) -> None:
    """Write an event behind those sent; it stays there where `is_sent` is 1."""
    event, shift, is_write = what
    line = b.ashr(b.ashr(event, number(1)), shift)
    store(b, b.or_(b.shl(line, number(1)), is_write), b.add(out, b.mul(sent.get(b), number(8))))
    sent.set(b, b.add(sent.get(b), is_sent))


def _moved(b: Builder, form: Form, key: Value, ways: Value) -> tuple[Value, Value]:
    """Return the set as it is after an event, and whether the line was not there."""
    lanes, entry = ways.type.count, ways.type.element
    bits = ir.IntType(lanes)
    flags = vector(ir.IntType(1), lanes)

    def equal(value: Value) -> Value:
        return b.bitcast(b.icmp_signed("==", ways, splat(b, value, lanes)), bits)

    entering = key
    if form.has_writes:
        clean, dirty = equal(b.and_(key, entry(-2))), equal(b.or_(key, entry(1)))
        found = b.or_(clean, dirty)
        was_dirty = b.icmp_unsigned("!=", dirty, bits(0))
        entering = b.or_(key, b.zext(was_dirty, entry))
    else:
        found = equal(key)
    is_miss = b.icmp_unsigned("==", found, bits(0))
    # All lanes up to the one found; none found, all of them, padding excepted.
    upto: Any = b.and_(b.xor(found, b.sub(found, bits(1))), bits((1 << form.ways) - 1))
    front = splat(b, entering, lanes)
    moved = shuffle(b, ways, front, [lanes, *range(lanes - 1)])
    if form.has_writes and not form.refreshes:
        is_write = b.trunc(key, ir.IntType(1))
        stays = b.and_(is_write, b.not_(is_miss))
        upto = b.select(stays, found, upto)
        moved = b.select(stays, front, moved)
    return b.select(b.bitcast(upto, flags), moved, ways), is_miss
