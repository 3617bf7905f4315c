"""The few words of LLVM's language that the kernels are written in.

Addresses are int64 numbers; a vector is named by its element and its lanes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import llvmlite.ir

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

# llvmlite is untyped: everything that LLVM names is `Any` here.
ir: Any = llvmlite.ir
Builder: TypeAlias = Any
Value: TypeAlias = Any
Type: TypeAlias = Any

I8: Type = ir.IntType(8)
I16: Type = ir.IntType(16)
I32: Type = ir.IntType(32)
I64: Type = ir.IntType(64)
F32: Type = ir.FloatType()
F64: Type = ir.DoubleType()
VOID: Type = ir.VoidType()
_POINTER: Type = ir.PointerType()


def vector(element: Type, lanes: int) -> Type:
    """Return the type of `lanes` elements."""
    return ir.VectorType(element, lanes)


def number(value: int) -> Value:
    """Return an int64 constant."""
    return ir.Constant(I64, value)


def constant(type_: Type, value: float) -> Value:
    """Return a constant of a vector type, all lanes `value`."""
    return ir.Constant(type_, [value] * type_.count)


def pointer(b: Builder, address: Value) -> Value:
    """Return an address as what LLVM's own functions take."""
    return b.inttoptr(address, _POINTER)


def load(b: Builder, address: Value, type_: Type) -> Value:
    """Load from any address, aligned or not."""
    return b.load(pointer(b, address), typ=type_, align=1)


def store(b: Builder, value: Value, address: Value) -> None:
    """Store to any address, aligned or not."""
    b.store(value, pointer(b, address), align=1)


def offset(b: Builder, table: Value, index: Value) -> Value:
    """Return the int64 value of entry `index` of an int32 table."""
    return b.sext(load(b, b.add(table, b.mul(index, number(4))), I32), I64)


def splat(b: Builder, scalar: Value, lanes: int) -> Value:
    """Return a vector whose lanes are all `scalar`."""
    type_ = vector(scalar.type, lanes)
    one = b.insert_element(ir.Constant(type_, ir.Undefined), scalar, ir.Constant(I32, 0))
    return shuffle(b, one, one, [0] * lanes)


def shuffle(b: Builder, first: Value, second: Value, lanes: Sequence[int]) -> Value:
    """Return the named lanes of `first`, then `second`."""
    return b.shuffle_vector(first, second, ir.Constant(vector(I32, len(lanes)), list(lanes)))


def joined(b: Builder, parts: Sequence[Value]) -> Value:
    """Return vectors of one type, a power of two of them, as one vector."""
    while len(parts) > 1:
        lanes = 2 * parts[0].type.count
        parts = [
            shuffle(b, first, second, range(lanes))
            for first, second in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def call(b: Builder, name: str, result: Type, *arguments: Value) -> Value:
    """Call one of LLVM's own functions, or an instruction's."""
    type_ = ir.FunctionType(result, [argument.type for argument in arguments])
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, type_, name)
    return b.call(function, arguments)


def lanewise(b: Builder, name: str, first: Value, *others: Value) -> Value:
    """Call LLVM's `name` of vectors, lane by lane: `smax`, `round`, ..."""
    element = "f" if first.type.element in (F32, F64) else "i"
    width = {F32: 32, F64: 64}.get(first.type.element) or first.type.element.width
    full = f"llvm.{name}.v{first.type.count}{element}{width}"
    return call(b, full, first.type, first, *others)


def clamped(b: Builder, value: Value, low: Value, high: Value) -> Value:
    """Return min(max(value, low), high), signed or real."""
    if value.type.element in (F32, F64):
        above = b.select(b.fcmp_ordered(">", value, low), value, low)
        return b.select(b.fcmp_ordered("<", above, high), above, high)
    return lanewise(b, "smin", lanewise(b, "smax", value, low), high)


def smaller(b: Builder, first: Value, second: Value) -> Value:
    """Return the smaller of two int64 numbers."""
    return b.select(b.icmp_signed("<", first, second), first, second)


def aligned_room(b: Builder, size: int) -> Value:
    """Return the address of that many bytes on the stack, at a cache line."""
    with b.goto_entry_block():
        room = b.alloca(ir.ArrayType(I8, size))
    room.align = 64
    return b.ptrtoint(room, I64)


@contextmanager
def counted(b: Builder, count: Value, step: int = 1) -> Generator[Value]:
    """Emit a loop over 0, step, 2 step, ... below `count`; the body is emitted inside."""
    before = b.block
    head, body, after = (b.append_basic_block(name) for name in ("head", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(I64)
    index.add_incoming(number(0), before)
    b.cbranch(b.icmp_signed("<", index, count), body, after)
    b.position_at_end(body)
    yield index
    index.add_incoming(b.add(index, number(step)), b.block)
    b.branch(head)
    b.position_at_end(after)


class Variable:
    """A value that a loop changes; LLVM keeps it in a register."""

    def __init__(self, b: Builder, first: Value) -> None:
        """Declare it, with its first value."""
        # At the very start, where LLVM looks for what may become a register.
        with b.goto_entry_block():
            self._place: Value = b.alloca(first.type)
        b.store(first, self._place)

    def get(self, b: Builder) -> Value:
        """Return the value now."""
        return b.load(self._place)

    def set(self, b: Builder, value: Value) -> None:
        """Give it a new value."""
        b.store(value, self._place)


ARGUMENTS = 10
"""How many int64 numbers every function takes, some unused; see `hwsim.jit.call_address`."""


def function_text(name: str, emit: Callable[[Builder, Sequence[Value]], None]) -> str:
    """Return a module in LLVM's language: one function of ARGUMENTS numbers, its body emitted."""
    module: Any = ir.Module(name)
    type_ = ir.FunctionType(VOID, [I64] * ARGUMENTS)
    function: Any = ir.Function(module, type_, name)
    b: Builder = ir.IRBuilder(function.append_basic_block("entry"))
    emit(b, function.args)
    b.ret_void()
    return str(module)
