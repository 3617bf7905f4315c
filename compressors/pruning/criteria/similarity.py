"""Scores of residual blocks by how much they change what passes through them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.calibration import see
from compressors.pruning.residual_blocks import find_residual_blocks

if TYPE_CHECKING:
    from compressors.pruning.criteria._criterion import Study
    from hwsim.arrays import FloatArray


def cosine(study: Study) -> dict[str, FloatArray]:
    """Return 1 - the mean cosine between each block's input and output, over all positions.

    Men et al., "ShortGPT", arXiv 2403.03853, section 2.3 (Block Influence): a block whose output
    points where its input does has little to say.
    """
    blocks = find_residual_blocks(study.graph)
    wanted = {block.source for block in blocks} | {block.output for block in blocks}
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    held: dict[str, FloatArray] = {}

    def visit(tensor: str, values: FloatArray) -> None:
        if tensor not in wanted:
            return
        held[tensor] = values.reshape(-1, values.shape[-1])
        for block in blocks:
            if block.output == tensor:
                cosines = _cosines(held[block.source], held[tensor])
                sums[block.name] += float(cosines.sum())
                counts[block.name] += len(cosines)

    see(study.graph, study.inputs(), visit)
    return {b.name: np.asarray(1.0 - sums[b.name] / counts[b.name]) for b in blocks}


def _cosines(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the cosine of each pair of rows; 1 where both are 0, and 0 where one is."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = (np.abs(a).max(axis=1) == 0) & (np.abs(b).max(axis=1) == 0)
    return np.where(same, 1.0, (a * b).sum(axis=1) / np.where(norms == 0, 1.0, norms))
