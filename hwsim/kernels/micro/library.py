"""Machine code of emitted functions: compiled when first asked for, and kept on disk.

The folder is named after all that decides what is compiled here (see `hwsim.jit`); a file is named
after the function and the target.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import llvmlite.binding

from hwsim.jit import CACHE_FOLDER, target

if TYPE_CHECKING:
    from collections.abc import Callable

llvm: Any = llvmlite.binding

_DIGEST_BYTES: Final = 32


class Library:
    """Functions of one target."""

    def __init__(self, triple: str, processor: str, features: str) -> None:
        """Prepare to compile.

        Args:
            triple: Architecture and system, in LLVM's words.
            processor: A name of LLVM's.
            features: `+avx2,-avx512f,...`
        """
        self._triple, self._processor, self._features = triple, processor, features
        key = f"{triple} {processor} {features} {llvm.llvm_version_info}"
        self._suffix = hashlib.sha256(key.encode()).hexdigest()[:16]

    @cached_property
    def _machine(self) -> Any:
        # Not before something is compiled: what is read from the disk needs no compiler.
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        return llvm.Target.from_triple(self._triple).create_target_machine(
            cpu=self._processor, features=self._features, opt=3, jit=True
        )

    def object_code(self, text: str) -> bytes:
        """Return the relocatable object of a module in LLVM's language."""
        return self._machine.emit_object(self._optimized(text))

    def assembly(self, text: str) -> str:
        """Return the instructions of a module in LLVM's language."""
        return self._machine.emit_assembly(self._optimized(text))

    def _optimized(self, text: str) -> Any:
        module = llvm.parse_assembly(text)
        module.verify()
        # Loops are blocked and unrolled where they are emitted.
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_unrolling = False
        options.loop_vectorization = False
        options.slp_vectorization = False
        passes = llvm.create_pass_builder(self._machine, options)
        passes.getModulePassManager().run(module, passes)
        return module

    def stored_object(self, name: str, build: Callable[[], str]) -> bytes:
        """Return the object of the function `name`, from disk if it is there and whole.

        Args:
            name: Of the function; says everything that `build` depends on.
            build: Returns the module.
        """
        path = CACHE_FOLDER / f"{name}-{self._suffix}.o"
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            code = content[_DIGEST_BYTES:]
            if hashlib.sha256(code).digest() == content[:_DIGEST_BYTES]:
                return code
        code = self.object_code(build())
        # Without a folder that can be written, each process compiles afresh.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(file.name, path)
        return code


class _Process:
    """The functions that this process has loaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._addresses: dict[str, int] = {}
        self._library: Library | None = None
        self._engine: Any = None

    def address_of(self, name: str, build: Callable[[], str]) -> int:
        with self._lock:
            if name not in self._addresses:
                self._addresses[name] = self._load(name, build)
            return self._addresses[name]

    def _load(self, name: str, build: Callable[[], str]) -> int:
        if self._library is None:
            llvm.initialize_native_target()
            llvm.initialize_native_asmprinter()
            triple = llvm.get_process_triple()
            self._library = Library(triple, *target())
            empty = llvm.parse_assembly("")
            machine = llvm.Target.from_triple(triple).create_target_machine(jit=True)
            self._engine = llvm.create_mcjit_compiler(empty, machine)
        code = self._library.stored_object(name, build)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        return self._engine.get_function_address(name)


_PROCESS: Final = _Process()


def address_of(name: str, build: Callable[[], str]) -> int:
    """Return the address of the function `name` in this process, compiled if need be.

    Args:
        name: Says everything that `build` depends on.
        build: Returns the module that defines it, in LLVM's language.
    """
    return _PROCESS.address_of(name, build)
