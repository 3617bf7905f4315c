"""Register-blocked kernels, emitted as LLVM code for one instruction set at a time."""
