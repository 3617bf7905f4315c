"""All that the next epoch of a training depends on, as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from hwsim.arrays import Array

_EPOCH, _GENERATOR = "epoch", "generator"
_MODULE, _OPTIMIZER = "module/", "optimizer/"


def taken(
    module: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator, epoch: int
) -> dict[str, Array]:
    """Return the state after `epoch` passes, copied; the learning rate follows from the epoch.

    Args:
        module: Its parameters and buffers are kept.
        optimizer: The moments of every parameter are kept.
        generator: Of the order of samples.
        epoch: Passes that are over.
    """
    state: dict[str, Array] = {
        _EPOCH: np.array(epoch),
        _GENERATOR: generator.get_state().numpy().copy(),
    }
    for key, value in module.state_dict().items():
        state[_MODULE + key] = value.detach().cpu().numpy().copy()
    for number, moments in _moments(optimizer).items():
        for key, value in moments.items():
            # A parameter that no gradient has reached yet has moments that are None.
            if value is not None:
                state[f"{_OPTIMIZER}{number}/{key}"] = value.detach().cpu().numpy().copy()
    return state


def restored(
    state: Mapping[str, Array],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> int:
    """Put `state` back and return how many passes are over.

    Args:
        state: What `taken` returned, of a training like this one.
        module: As it was when that training began.
        optimizer: Likewise.
        generator: Likewise.
    """
    tensors = {key: torch.tensor(value) for key, value in state.items()}
    module.load_state_dict(
        {
            key.removeprefix(_MODULE): value
            for key, value in tensors.items()
            if key.startswith(_MODULE)
        }
    )
    moments: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith(_OPTIMIZER):
            number, name = key.removeprefix(_OPTIMIZER).split("/")
            moments.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    generator.set_state(tensors[_GENERATOR])
    return int(state[_EPOCH])


def _moments(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Any]]:
    return cast("dict[int, dict[str, Any]]", optimizer.state_dict()["state"])
