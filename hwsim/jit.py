"""The one place where Numba is configured."""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
from contextlib import contextmanager, suppress
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

import llvmlite.binding
import llvmlite.ir
import numpy as np

from hwsim.kernel_folder import kernel_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _without_scipy() -> Generator[None]:
    """Hide what Numba loads where it is installed, and no kernel uses: a third of its start."""
    hidden = [name for name in ("coverage", "scipy") if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without_scipy():
    import numba  # pyright: ignore[reportMissingTypeStubs]
    import numba.core.codegen
    import numba.extending


_FOLDER = kernel_folder(numba.__version__, llvmlite.__version__, np.__version__)
_settings: Any = vars(numba)["config"]

IS_COMPILED: bool = not _settings.DISABLE_JIT
"""Whether kernels are machine code; interpreted, they cannot call addresses."""

CACHE_FOLDER = _FOLDER
"""Where everything that was compiled from these sources lies."""


@contextmanager
def _unprepared(context: Any) -> Generator[None]:
    """Keep Numba from loading all that it can compile, where machine code is read from the disk.

    That takes longer than everything else a short command does. What is read needs the counting
    of references alone, and whoever compiles loads the rest.
    """
    runtime: Any = importlib.import_module("numba.core.runtime.nrt")
    runtime.rtsys.initialize(context)
    context.refresh = lambda: None
    try:
        yield
    finally:
        del context.refresh


def _reading(dispatcher: Any) -> Any:
    """Return `dispatcher`, made to read without preparing to compile, and to survive bad disks."""
    store, context = dispatcher._cache, dispatcher.targetctx
    read, write = store.load_overload, store.save_overload

    def load_overload(signature: Any, target_context: Any) -> Any:
        try:
            with _unprepared(context):
                return read(signature, target_context)
        except Exception:  # Damaged files raise anything; without an index they are written anew.
            with suppress(OSError):
                store.flush()
        return None

    def save_overload(signature: Any, result: Any) -> None:
        with suppress(OSError, EOFError, pickle.UnpicklingError):  # A full disk costs time alone.
            write(signature, result)

    store.load_overload, store.save_overload = load_overload, save_overload
    return dispatcher


class Kernel(Generic[P, R]):
    """A function that is compiled, or read from the disk, when it is first called.

    There are many kernels, and a process needs few: to make a dispatcher takes a millisecond.
    """

    _lock = threading.RLock()

    def __init__(self, function: Callable[P, R]) -> None:
        """Remember `function`."""
        self._function = function
        update_wrapper(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's own object, which calls a little faster."""
        with self._lock:
            before, _settings.CACHE_DIR = _settings.CACHE_DIR, str(_FOLDER)
            try:
                return _reading(numba.njit(self._function, nogil=True, cache=True))  # pyright: ignore
            except RuntimeError:
                # No folder can be written (a read-only home): compile afresh in each process.
                return numba.njit(self._function, nogil=True)  # pyright: ignore
            finally:
                _settings.CACHE_DIR = before

    @property
    def _numba_type_(self) -> Any:
        """What other kernels see: a kernel that can be called."""
        types: Any = numba.types
        return types.Dispatcher(self.dispatcher)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Run it."""
        return self.dispatcher(*arguments, **named)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` with the flags that all kernels share.

    No `fastmath`: results must be bit-exact. `nogil`: chunks of a batch run on several cores.
    """
    return Kernel(function) if IS_COMPILED else function


def target() -> tuple[str, str]:
    """Return the processor that kernels are compiled for, and its features as LLVM writes them.

    Those of this machine, unless Numba's settings narrow them: to emit an instruction that the
    target lacks ends the process.
    """
    binding: Any = llvmlite.binding
    codegen: Any = numba.core.codegen
    name, features = _settings.CPU_NAME, _settings.CPU_FEATURES
    return (
        binding.get_host_cpu_name() if name is None else name,
        codegen.get_host_cpu_features() if features is None else features,
    )


@numba.extending.intrinsic  # pyright: ignore
def call_address(
    context: Any, address: int,
    a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0,
    f: int = 0, g: int = 0, h: int = 0, i: int = 0, j: int = 0,
) -> Any:  # fmt: skip
    """Call machine code at `address` with ten whole numbers; from within kernels only."""
    types: Any = numba.types
    ir: Any = llvmlite.ir

    def lower(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        place, *arguments = values
        word = ir.IntType(64)
        function = ir.FunctionType(ir.VoidType(), [word] * len(arguments))
        builder.call(builder.inttoptr(place, function.as_pointer()), arguments)
        return target.get_dummy_value()

    return types.none(*[types.int64] * 11), lower


def direct(function: Callable[P, R]) -> Callable[P, R]:
    """Return what calls a kernel without a detour, for calls that take microseconds."""
    return function.dispatcher if isinstance(function, Kernel) else function


def runner_address(runner: Callable[..., None]) -> int:
    """Return where the machine code of a kernel of (uint8[:], uint8[:], int64[:]) lies.

    A caller that has many of them need not contain them all: what is never called is never
    compiled, nor read from the disk.
    """
    compiled: Any = cast("Kernel[Any, None]", runner).dispatcher
    types: Any = numba.types
    arrays = tuple(types.Array(element, 1, "C") for element in _RUNNER_TYPES)
    compiled.compile(arrays)
    result = compiled.overloads[arrays]
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


_RUNNER_TYPES: Any = (numba.types.uint8, numba.types.uint8, numba.types.int64)


@numba.extending.intrinsic  # pyright: ignore
def call_runner(context: Any, address: int, arena: Any, constants: Any, row: Any) -> Any:
    """Call the kernel at an address that `runner_address` gave; from within kernels only."""
    types: Any = numba.types
    arrays = arena, constants, row

    def lower(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        place, *arguments = values
        type_ = target.call_conv.get_function_type(types.none, arrays)
        function = builder.inttoptr(place, type_.as_pointer())
        status, _ = target.call_conv.call_function(builder, function, types.none, arrays, arguments)
        # Only checks of bounds raise.
        with builder.if_then(status.is_error, likely=False):
            target.call_conv.return_status_propagate(builder, status)
        return target.get_dummy_value()

    return types.none(types.int64, *arrays), lower


@numba.extending.intrinsic  # pyright: ignore
def _add_one(context: Any, counter: Any) -> Any:
    types: Any = numba.types
    ir: Any = llvmlite.ir

    def lower(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = target.make_array(counter)(target, builder, values[0]).data
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counter), lower


def _add_one_interpreted(counter: Any) -> int:
    counter[0] += 1
    return int(counter[0]) - 1


take_next: Any = _add_one if IS_COMPILED else _add_one_interpreted
"""Of an int64 array: add 1 to its first number, and return what it was before, as one step."""


@numba.extending.intrinsic  # pyright: ignore
def _count_ones(context: Any, word: Any) -> Any:
    types: Any = numba.types

    def lower(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.uint64(types.uint64), lower


def _count_ones_interpreted(word: Any) -> int:
    return int(word).bit_count()


count_ones: Any = _count_ones if IS_COMPILED else _count_ones_interpreted
"""Of a uint64: how many of its bits are 1; LLVM's ctpop, from within kernels only."""
