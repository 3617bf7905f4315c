"""Torch is the oracle: what is read computes the same numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsim.errors import InterchangeError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.interchange.torch.export import read_module, read_pt2
from hwsim.ops import AveragePool2d, Conv2d, Linear, MatMul, MaxPool2d, Reshape, Transpose
from hwsim.reference import trace

# Torch runs in float64 on float32 weights; factors such as 1/3 are rounded to float32, 6e-8 each.
TOLERANCE = 1e-6

Forward: TypeAlias = Callable[..., Tensor]


class Net(nn.Module):
    """Named layers and a function of them, so that a case fits a few lines."""

    def __init__(self, forward: Forward, **layers: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x, **dict(self.named_children()))


class After(nn.Module):
    """A function of what a 1 x 1 convolution makes, so that tensors lie channels-last."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


class Of(nn.Module):
    """A function of the input."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class FunctionalLinear(nn.Module):
    """A product written without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(3, 8)), nn.Parameter(torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T.relu() + self.bias


def residual() -> nn.Module:
    def forward(x: Tensor, stem: nn.Module, norm: nn.Module, conv: nn.Module, proj: nn.Module,
                down: nn.Module, head: nn.Module) -> Tensor:  # fmt: skip
        x = norm(stem(x)).relu_()
        x = functional.relu(conv(x) + x)
        x = functional.relu(down(x) + proj(x))
        return head(functional.adaptive_avg_pool2d(x, 1).flatten(1))

    return Net(
        forward,
        stem=nn.Conv2d(3, 8, 3, padding=1, bias=False),
        norm=nn.BatchNorm2d(8),
        conv=nn.Conv2d(8, 8, 3, padding=1),
        proj=nn.Conv2d(8, 12, 1, stride=2),
        down=nn.Conv2d(8, 12, 3, stride=2, padding=1),
        head=nn.Linear(12, 5),
    )


def separable() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.Hardswish(inplace=True),
        nn.Conv2d(8, 8, 5, padding=2, groups=8),
        nn.BatchNorm2d(8, affine=False),
        nn.ReLU6(),
        nn.Conv2d(8, 16, 1),
        nn.SiLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(16 * 2 * 2, 4),
        nn.Softmax(dim=-1),
    )


def squeeze_excite() -> nn.Module:
    def forward(x: Tensor, conv: nn.Module, down: nn.Module, up: nn.Module) -> Tensor:
        x = conv(x)
        gate = functional.hardsigmoid(up(down(x.mean((2, 3))).relu()))
        return x * gate[:, :, None, None]

    return Net(
        forward, conv=nn.Conv2d(3, 8, 3), down=nn.Linear(8, 4), up=nn.Linear(4, 8)
    )  # fmt: skip


def concatenating() -> nn.Module:
    def forward(x: Tensor, a: nn.Module, b: nn.Module) -> Tensor:
        x = torch.cat([a(x), x, functional.max_pool2d(x, 3, 1, 1)], dim=1)
        left, right = b(x).chunk(2, dim=1)
        return torch.cat([left, right.tanh() * 0.5], dim=2)

    return Net(forward, a=nn.Conv2d(3, 4, 3, padding="same"), b=nn.Conv2d(10, 6, 1))


class VisionTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 5, 8))
        self.block = nn.TransformerEncoderLayer(
            8, 2, 16, activation="gelu", batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.position
        return self.head(self.norm(self.block(x))[:, 0])


class Attention(nn.Module):
    """As timm writes it: one product for q, k and v, then unbind."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).reshape(1, -1, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q * 4**-0.5 @ k.transpose(-2, -1)).softmax(dim=-1)
        return (weights @ v).transpose(1, 2).reshape(1, -1, 8)


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 7, padding=3, groups=6)
        self.norm = nn.LayerNorm(6)
        self.up, self.down = nn.Linear(6, 12), nn.Linear(12, 6)
        self.gamma = nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(functional.gelu(self.up(y), approximate="tanh"))
        return x + y.permute(0, 3, 1, 2)


def shuffled(x: Tensor, conv: nn.Module) -> Tensor:
    x = conv(x)
    return x.view(1, 2, 4, 6, 6).transpose(1, 2).reshape(1, 8, 6, 6)


def split_and_stacked(x: Tensor) -> Tensor:
    tail = torch.split(x, [1, 3], dim=1)[1]
    return torch.stack(torch.unbind(tail, 3)[:2], dim=2)


IMAGE = (1, 3, 8, 8)
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (residual, IMAGE),
    "separable": (separable, (1, 3, 9, 8)),
    "squeeze_excite": (squeeze_excite, IMAGE),
    "concatenating": (concatenating, IMAGE),
    "vision_transformer": (VisionTransformer, IMAGE),
    "attention": (Attention, (1, 5, 8)),
    "convnext": (ConvNeXt, (1, 6, 5, 5)),
    "grouped": (lambda: nn.Conv2d(6, 9, 3, padding=(2, 0), dilation=2, groups=3), (1, 6, 9, 8)),
    "even_kernel_same": (lambda: nn.Conv2d(3, 4, (4, 2), padding="same"), IMAGE),
    "grey_image": (lambda: nn.Conv2d(1, 4, 3, stride=(2, 1)), (1, 1, 8, 8)),
    "signal": (
        lambda: nn.Sequential(
            nn.Conv1d(4, 6, 3, padding=1, bias=False),
            nn.BatchNorm1d(6),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(6, 6, 3, groups=6, padding="same", dilation=2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.BatchNorm1d(6),
            nn.Linear(6, 2),
        ),
        (1, 4, 12),
    ),
    "mlp": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.Sigmoid(), nn.Linear(16, 4)),
        IMAGE,
    ),
    "flat_image": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Tanh()), IMAGE),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (1, 5, 8)),
    "encoder_sequence_first": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (5, 1, 8)),
    "shuffled": (lambda: Net(shuffled, conv=nn.Conv2d(3, 8, 3)), IMAGE),
    "ceil_max_pool": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), (1, 3, 8, 7)),
    "ceil_avg_pool": (
        lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (1, 3, 8, 7),
    ),
    "padded_avg_pool": (lambda: nn.AvgPool2d(3, 2, 1), IMAGE),
    "adaptive_pool": (lambda: nn.AdaptiveAvgPool2d((2, None)), IMAGE),
    "channel_softmax": (
        lambda: After(lambda y: y.softmax(1)),
        IMAGE,
    ),
    "row_softmax": (lambda: After(lambda y: y.softmax(2)), IMAGE),
    "mean_of_channels": (lambda: After(lambda y: y.mean(1)), IMAGE),
    "mean_of_rows": (
        lambda: After(lambda y: y.mean((1, 2), keepdim=True)),
        IMAGE,
    ),
    "cuts": (
        lambda: After(lambda y: y[:, 1:, ::2, -3:].select(1, -1)),
        IMAGE,
    ),
    "split_and_stack": (
        lambda: After(split_and_stacked),
        IMAGE,
    ),
    "arithmetic": (
        lambda: After(lambda y: 1 - (-y / 2 + 3) * y.sub(y, alpha=2)),
        IMAGE,
    ),
    "upsampling": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.PReLU(4, 0.3),
            nn.Upsample(size=(11, 9), mode="bilinear"),
            nn.Conv2d(4, 8, 1),
            nn.ELU(),
            nn.PixelShuffle(2),
            nn.UpsamplingBilinear2d((5, 6)),
            nn.Upsample(size=(7, 4), mode="nearest-exact"),
        ),
        IMAGE,
    ),
    "unshuffled": (
        lambda: nn.Sequential(nn.Conv2d(3, 2, 1), nn.PixelUnshuffle(2), nn.Conv2d(8, 3, 1)),
        IMAGE,
    ),
    "transposed": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(3, 6, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 4, (2, 3), groups=2, dilation=2, bias=False),
            nn.PReLU(),
        ),
        IMAGE,
    ),
    "transposed_signal": (
        lambda: nn.Sequential(
            nn.ConvTranspose1d(4, 6, 4, stride=3, output_padding=2, padding=1),
            nn.Conv1d(6, 4, 3, stride=2, dilation=2, padding=2, groups=2),
            nn.LogSoftmax(1),
        ),
        (1, 4, 12),
    ),
    "reductions": (
        lambda: After(lambda y: y.amax((1, 2), keepdim=True) - y.sum(1) + y.amin(0)),
        IMAGE,
    ),
    "sum_of_all": (lambda: Of(lambda x: x * x.sum()), IMAGE),
    "powers": (
        lambda: After(
            lambda y: (y**2 + 1).sqrt() / (y.abs() + 1) + y.exp().log() * (y.abs() + 0.5) ** 1.5
        ),
        IMAGE,
    ),
    "extremes": (
        lambda: After(
            lambda y: torch.maximum(y, -y.floor()) + torch.minimum(y.clamp(-1, 1), y[:, :1])
        ),
        IMAGE,
    ),
    "differences": (lambda: After(lambda y: 2 - (y - y.ceil()) - (1 - y.clamp(0, 1))), IMAGE),
    "padding": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.ZeroPad2d((1, 2, 0, 3)), nn.Conv2d(4, 2, 3)),
        IMAGE,
    ),
    "functional_linear": (
        FunctionalLinear,
        (1, 5, 8),
    ),
}


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Return a module in evaluation mode, no value of which is a default."""
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
        module = make().eval()
        for name, values in (*module.named_parameters(), *module.named_buffers()):
            if values.is_floating_point() and (values.ndim == 1 or "running" in name):
                values.data.uniform_(0.5, 1.5)
    return module


def difference(module: nn.Module, graph: Graph, shape: tuple[int, ...]) -> float:
    """Return max |hwsim - torch| / max |torch| over three random samples."""
    x = torch.randn(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = torch.stack([module.double()(sample) for sample in x]).numpy()
    (got,) = trace(graph, x.numpy()).values()
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / np.abs(expected).max())


# Torch says once per process that this costs it a copy.
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_numbers_agree_with_torch(case: str) -> None:
    make, shape = CASES[case]
    module = seeded(make)
    graph = read_module(module, (torch.zeros(shape),), case)
    assert difference(module, graph, shape) <= TOLERANCE


@pytest.mark.parametrize("case", ["residual", "separable", "vision_transformer"])
def test_pt2_files_hold_the_same_graph(case: str, tmp_path: Path) -> None:
    make, shape = CASES[case]
    module = seeded(make)
    path = tmp_path / f"{case}.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(shape),)), path)
    graph = read_pt2(path)
    assert graph.to_text() == read_module(module, (torch.zeros(shape),), case).to_text()
    assert difference(module, graph, shape) <= TOLERANCE


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's own run_decompositions
@pytest.mark.parametrize("case", ["residual", "concatenating"])
def test_core_aten_files_are_read_too(case: str, tmp_path: Path) -> None:
    make, shape = CASES[case]
    module = seeded(make)
    path = tmp_path / f"{case}.pt2"
    program = torch.export.export(module, (torch.zeros(shape),))
    program = program.run_decompositions()  # pyright: ignore[reportUnknownMemberType]
    torch.export.save(program, path)
    assert difference(module, read_pt2(path), shape) <= TOLERANCE


def test_one_transpose_at_the_border_and_none_before_linear_layers() -> None:
    graph = read_module(seeded(separable), (torch.zeros(1, 3, 9, 8),), "separable")
    transposes = [node for node in graph.nodes if isinstance(node.op, Transpose)]
    assert [node.inputs for node in transposes] == [graph.inputs]
    assert graph.tensors[graph.inputs[0]].shape == (1, 3, 9, 8)


def test_grey_images_need_no_transpose() -> None:
    graph = read_module(nn.Conv2d(1, 4, 3), (torch.zeros(1, 1, 8, 8),), "grey")
    assert isinstance(graph.nodes[0].op, Reshape)


def test_layer_norm_over_channels_moves_nothing_inside() -> None:
    graph = read_module(seeded(ConvNeXt), (torch.zeros(1, 6, 5, 5),), "convnext")
    moved = [node for node in graph.nodes if isinstance(node.op, Transpose)]
    assert len(moved) == 2  # the input's and the output's


def test_names_are_those_of_modules() -> None:
    graph = read_module(seeded(residual), (torch.zeros(IMAGE),), "residual")
    names = {node.name for node in graph.nodes if isinstance(node.op, (Conv2d, Linear))}
    assert names == {"stem", "conv", "proj", "down", "head"}


def test_attention_becomes_two_products() -> None:
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    graph = read_module(module, (torch.zeros(1, 5, 8),), "encoder")
    products = [node.op for node in graph.nodes if isinstance(node.op, MatMul)]
    assert products == [MatMul(transpose_b=True, scale=0.5), MatMul()]


def test_pools_keep_torch_settings() -> None:
    module = nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.MaxPool2d(2))
    graph = read_module(module, (torch.zeros(IMAGE),), "pools")
    pools = [node.op for node in graph.nodes if isinstance(node.op, (AveragePool2d, MaxPool2d))]
    ones = ((1, 1), (1, 1))
    assert pools == [
        AveragePool2d(kernel=(3, 3), stride=(2, 2), padding=ones, count_padding=True),
        MaxPool2d(kernel=(2, 2), stride=(2, 2)),
    ]


def test_the_module_is_left_as_it_is() -> None:
    module = residual().train()
    before = {name: values.clone() for name, values in module.state_dict().items()}
    read_module(module, (torch.zeros(IMAGE),), "residual")
    assert all(part.training for part in module.modules())
    assert all(torch.equal(before[name], now) for name, now in module.state_dict().items())


def view_then_in_place(x: Tensor) -> Tensor:
    x = x + 1
    row = x[:, 0]
    x.relu_()
    return x + row[:, None]


REFUSED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "unknown_op": (
        lambda: After(lambda y: torch.erfinv(y)),
        IMAGE,
        r"^net/erfinv: op aten.erfinv.default has no counterpart; .* of abs, adaptive.*conv2d",
    ),
    "batch": (lambda: nn.Conv2d(3, 3, 1), (2, 3, 8, 8), r"a batch of 1, got \[2, 3, 8, 8\]"),
    "hardtanh": (lambda: nn.Hardtanh(-2.0), (1, 4), r"\(-2.0, 1.0\); use relu"),
    "elu": (lambda: nn.ELU(0.5), (1, 4), "alpha=1 or 1.0, got alpha=0.5"),
    "odd_scale": (lambda: nn.Upsample(scale_factor=1.3), IMAGE, "a scale factor of 10/8, got 1.3"),
    "pool_that_does_not_divide": (lambda: nn.AdaptiveAvgPool2d(3), IMAGE, "divides 8x8, got 3x3"),
    "data_dependent": (
        lambda: Of(lambda x: x if bool(x.sum() > 0) else -x), IMAGE, "^net: torch.export cannot"
    ),
    "view_then_in_place": (lambda: Of(view_then_in_place), IMAGE, "not in place"),
    "random": (lambda: Of(lambda x: x + torch.rand(8)), IMAGE, "random"),
    "mask": (
        lambda: Of(lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True)),
        (1, 2, 5, 4),
        "is_causal=True",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_one_line_that_helps(case: str) -> None:
    make, shape, message = REFUSED[case]
    with pytest.raises(InterchangeError, match=message) as caught:
        read_module(make(), (torch.zeros(shape),), "net")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"x" * 1000])
def test_damaged_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pt2"
    path.write_bytes(content)
    with pytest.raises(InterchangeError, match=r"^damaged.pt2: not a readable .pt2 file"):
        read_pt2(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match="no such file"):
        read_pt2(tmp_path / "absent.pt2")


class Counting(nn.Module):
    """Changes a buffer, and its input, on the way."""

    def __init__(self, changes_input: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.changes_input = changes_input
        self.register_buffer("seen", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        if self.changes_input:
            x.mul_(2)
        else:
            seen = cast("Tensor", self.seen)
            seen.copy_(seen + torch.erfinv(x[0]))
        return self.linear(x)


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's own run_decompositions
@pytest.mark.parametrize("changes_input", [False, True])
def test_new_values_of_buffers_and_inputs_are_no_outputs(
    changes_input: bool, tmp_path: Path
) -> None:
    module = Counting(changes_input).eval()
    path = tmp_path / "counting.pt2"
    program = torch.export.export(module, (torch.zeros(1, 6),))
    program = program.run_decompositions()  # pyright: ignore[reportUnknownMemberType]
    torch.export.save(program, path)
    graph = read_pt2(path)
    assert [graph.tensors[name].shape for name in graph.outputs] == [(1, 4)]
    x = torch.randn(1, 1, 6, generator=torch.Generator().manual_seed(1))
    (got,) = trace(graph, x.numpy()).values()
    with torch.no_grad():
        expected = module(x[0].clone())[None].numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    if not changes_input:  # What only feeds the buffer is gone, erfinv with it.
        assert [node.op.kind for node in graph.nodes] == ["linear"]


class Repeating(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.linear(x)
        return y, x, y


def test_outputs_repeat_as_they_are_returned(tmp_path: Path) -> None:
    graph = read_module(Repeating().eval(), (torch.zeros(1, 6),), "repeating")
    assert graph.outputs == ("linear", "x", "linear")
    x = np.ones((2, 1, 6))
    want = trace(graph, x)
    np.testing.assert_array_equal(want["x"], x)
    np.testing.assert_allclose(run(graph, x).reshape(2, 6), want["linear"][:, 0], rtol=1e-5)
    path = tmp_path / "repeating.hwsim"
    save(graph, path)
    assert load(path).outputs == graph.outputs
