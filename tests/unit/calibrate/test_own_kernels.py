from __future__ import annotations

from dataclasses import replace

import pytest

from hwsim.calibrate import own_kernels
from hwsim.calibrate.kernels import OWN_DRAFTS, OWN_FORMATS
from hwsim.calibrate.layers import Layer
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.own_kernels import prepared
from hwsim.calibrate.runtimes import find_runtime
from hwsim.errors import UnsupportedError
from hwsim.jit import IS_COMPILED
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.stored import is_multiplied

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not IS_COMPILED or not is_multiplied(native()), reason="no kernels of stored weights here"
    ),
]
CONV = Layer(kind="conv2d", types="8x8", size=10, channels=16, out=24, kernel=3)


@pytest.mark.parametrize("name", ["dense", *OWN_FORMATS])
@pytest.mark.parametrize("kind", ["conv2d", "pointwise_conv2d", "linear"])
def test_layers_run_as_they_are_stored(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = own_kernels.sparse

    def spy(what: object, end: object, isa: object, rows: int) -> object:
        made.append(rows)
        return real(what, end, isa, rows)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(own_kernels, "sparse", spy)
    size = 1 if kind == "linear" else 10
    kernel = 3 if kind == "conv2d" else 1
    layer = replace(CONV, kind=kind, size=size, kernel=kernel)
    if name != "dense":
        layer = replace(layer, format=name, sparsity=0.5)
    prepared(graph_of(layer))()
    assert made == {"dense": [], "csr": [0], "bsr1x4": [1], "bsr4x4": [4]}[name]


def test_layers_of_two_inputs_run() -> None:
    prepared(graph_of(Layer(kind="add", types="8x8", size=4, channels=8, out=8)))()


def test_what_has_no_compiled_form_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="compiled form"):
        prepared(graph_of(replace(CONV, types="f32")))
    with pytest.raises(UnsupportedError, match="--threads 1, got 2"):
        find_runtime("hwsim").prepare(graph_of(CONV), 2)


def test_every_measured_format_has_a_draft_of_each_kind() -> None:
    for name in OWN_FORMATS:
        kinds = {op for draft in OWN_DRAFTS if name in draft.formats for op in draft.ops}
        assert kinds == {"conv2d", "pointwise_conv2d", "linear"}
