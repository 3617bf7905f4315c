"""The opcodes of a plan: one whole number per compiled function, 1..3 for the heavy ones."""

from __future__ import annotations

CONVOLUTION, DEPTHWISE, LINEAR = range(1, 4)

ENTER, LEAVE = range(4, 6)
"""Bytes of one sample into the arena, and out of it."""

COPY, FILL, PAIRS, ADD_SHIFT, ADD_FIXED = range(6, 11)

AVERAGE_POOL, MAX_POOL, TOTAL, SOFTMAX_FIXED, SOFTMAX_TABLE = range(11, 16)

SIGNS = 16
"""Convolutions and linear layers of signs: heavy as the first three."""

SPARSE = 17
"""Convolutions and linear layers of which stored weights alone are multiplied: heavy, too."""
