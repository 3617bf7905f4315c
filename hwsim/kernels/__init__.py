"""Compiled integer kernels: arrays and scalars in, arrays out, no checks inside."""
