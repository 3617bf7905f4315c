"""LSTMs are LiteRT's, bit by bit in integers, and torch's in reals."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch

import compressors
import hwsim
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError, UnsupportedError
from hwsim.interchange.torch.export import read_module
from tests.oracle import litert
from tests.oracle.lstm_ops import lstm
from tests.oracle.single_ops import Case, Draw

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SEEDS: Final = 24
# float32 sums in another order: a few ulp of sums below 2^6, and no growth over so few steps.
REAL_ERROR: Final = 1e-5


def theirs(case: Case, policy: str) -> Array:
    """Return LiteRT's first output; states start at zero for every sample."""
    runner: Any = litert.interpreter(case.content, policy)
    (source,), sink = runner.get_input_details(), runner.get_output_details()[0]
    results: list[Array] = []
    for sample in case.x.reshape(-1, *source["shape"]):
        runner.reset_all_variables()
        runner.set_tensor(source["index"], sample)
        runner.invoke()
        results.append(runner.get_tensor(sink["index"]).copy())
    return np.stack(results)


def ours(case: Case, policy: str, folder: Path) -> Array:
    path = folder / "case.tflite"
    path.write_bytes(case.content)
    return hwsim.run(hwsim.load(path), case.x, numerics=policy)


@pytest.mark.parametrize("policy", litert.RESOLVERS)
def test_integer_lstm(policy: str, tmp_path: Path) -> None:
    codes: set[int] = set()
    for seed in range(SEEDS):
        case = lstm(Draw(seed), is_integer=True)
        want = theirs(case, policy)
        got = ours(case, policy, tmp_path).reshape(want.shape)
        assert int((got != want).sum()) == 0, seed
        codes |= set(want.reshape(-1).tolist())
    assert len(codes) > 200  # Neither saturated nor at rest.


@pytest.mark.parametrize("policy", litert.RESOLVERS)
def test_real_lstm(policy: str, tmp_path: Path) -> None:
    for seed in range(SEEDS):
        case = lstm(Draw(seed), is_integer=False)
        want = theirs(case, policy)
        got = ours(case, policy, tmp_path).reshape(want.shape)
        assert np.abs(got - want).max() <= REAL_ERROR


def test_policies_whose_lstm_is_not_known_refuse(tmp_path: Path) -> None:
    case = lstm(Draw(0), is_integer=True)
    for policy in ("tflm", "ort"):
        with pytest.raises(UnsupportedError, match=rf"policy '{policy}' has no LSTM"):
            ours(case, policy, tmp_path)


class Sequence(torch.nn.Module):
    """Layers of an LSTM, and a layer over their states."""

    def __init__(self, layers: int, *, batch_first: bool, bias: bool) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(5, 4, layers, bias=bias, batch_first=batch_first)
        self.norm = torch.nn.RMSNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.lstm(x)[0])


@pytest.mark.parametrize(
    ("layers", "batch_first", "bias"), [(1, True, True), (3, False, True), (2, True, False)]
)
def test_torch_lstm(layers: int, batch_first: bool, bias: bool) -> None:
    torch.manual_seed(layers)  # pyright: ignore[reportUnknownMemberType]
    module = Sequence(layers, batch_first=batch_first, bias=bias).eval()
    shape = (1, 7, 5) if batch_first else (7, 1, 5)
    graph = read_module(module, (torch.zeros(shape),), "net")
    x = np.random.default_rng(1).standard_normal((6, *shape)).astype(np.float32)
    with torch.no_grad():
        want = np.stack([module(torch.tensor(sample)).numpy() for sample in x])
    assert np.abs(hwsim.run(graph, x).reshape(want.shape) - want).max() <= REAL_ERROR


def test_a_quantized_torch_lstm_stays_near(tmp_path: Path) -> None:
    torch.manual_seed(3)  # pyright: ignore[reportUnknownMemberType]
    module = torch.nn.Sequential(Sequence(2, batch_first=True, bias=True)).eval()
    graph = read_module(module, (torch.zeros(1, 7, 5),), "net")
    x = np.random.default_rng(1).standard_normal((40, 1, 7, 5)).astype(np.float32)
    integers = compressors.parse("quantize").apply(graph, Data(x=x))
    path = tmp_path / "net.hwsim"
    hwsim.save(integers, path)
    quant = integers.tensors[integers.outputs[0]].quant
    assert quant is not None
    codes = hwsim.run(integers, x)
    np.testing.assert_array_equal(hwsim.run(hwsim.load(path), x), codes)
    real = hwsim.run(graph, x)
    assert np.abs(quant.decode(codes) - real).max() <= 0.05 * np.abs(real).max()


class Last(torch.nn.Module):
    """Reads the last state of an LSTM, which is a result of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(5, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[1][0]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Last(), r"result 1 of aten.lstm.input has no counterpart"),
        (torch.nn.LSTM(5, 4, bidirectional=True), r"expected bidirectional=False"),
        (torch.nn.LSTM(5, 4, proj_size=2), r"4 parameters per layer"),
        (torch.nn.GRU(5, 4), r"aten.gru.input has no counterpart"),
    ],
    ids=["last_state", "bidirectional", "projection", "gru"],
)
def test_what_torch_has_and_we_have_not_is_refused(module: torch.nn.Module, message: str) -> None:
    with pytest.raises(InterchangeError, match=message) as caught:
        read_module(module, (torch.zeros(7, 1, 5),), "net")
    assert "\n" not in str(caught.value)
