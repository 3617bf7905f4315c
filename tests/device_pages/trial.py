"""A command that works on a device: the first network of a few that the device takes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from compressors import parse
from hwsim.errors import HwsimError
from hwsim.evaluation import evaluate
from hwsim.interchange import load
from hwsim.profile import load_profile

if TYPE_CHECKING:
    from hwsim.graph import Graph

_TINY = ("mcu", "npu", "accelerator")
_MOBILENET, _RESNET = "examples/topologies/mobilenet_v1_025_96.csv", "examples.resnet18:resnet18"
_INTEGERS = "quantize{calibration=synthetic}"


def trial(name: str) -> str:
    """Return the command of a device's page.

    Raises:
        HwsimError: The device takes none of the networks.
    """
    profile = load_profile(name)
    whole = [(_RESNET, "none"), (_RESNET, _INTEGERS), (_MOBILENET, "none")]
    tries = whole[::-1] if profile.device_class in _TINY else whole
    refusal: HwsimError | None = None
    for model, recipe in tries:
        try:
            evaluate(_graph(model, recipe), profile)
        except HwsimError as error:
            refusal = error
        else:
            given = "" if recipe == "none" else f"--recipe '{recipe}' "
            return f"hwsim evaluate {model} {given}--device {name}"
    assert refusal is not None  # Some network was tried.
    raise refusal


@cache
def _graph(model: str, recipe: str) -> Graph:
    return parse(recipe).apply(load(model))
