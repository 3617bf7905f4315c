"""Advice: on devices made to provoke it, the change that pays is found, and its price is right."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from compressors import parse
from compressors.alternatives import alternatives, trains, without_training
from hwsim.advice import advise, channel_multiple, native_formats
from hwsim.channels.layers import layers_of
from hwsim.data import Data
from hwsim.errors import DataError, FormatError, RecipeError, UnsupportedError
from hwsim.evaluation import estimate
from hwsim.op import HEAVY_KINDS
from hwsim.ops import Add, Mean
from hwsim.profile import Cycles, KernelRule, Tile, load_profile
from hwsim.profile.kernels import Takes
from hwsim.records import Accuracy
from tests.devices import unit_device
from tests.graphs import GRAPHS, GraphBuilder, samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Advice

SHIPPED = (
    "rpi4_xnnpack",
    "h200_cuda",
    "ethos_u55_128_vela",
    "sparse_pe64_sim",
    "stm32l4r5_xcubeai",
)
QUANTIZED = "prune{sparsity=0.6,format=csr}|quantize{calibration=synthetic}"


def chain(width: int = 51) -> Graph:
    """Return two convolutions, of which the first makes `width` channels, and a linear layer."""
    b = GraphBuilder("chain", 1, 6, 6, 4)
    y = b.relu("r1", b.conv("c1", "x", width))
    y = b.relu("r2", b.conv("c2", y, 16))
    return b.done(b.linear("fc", b.add("mean", Mean(axes=(1, 2)), y), 8))


def device_with(tile: Tile | None = None, **rules: Any) -> DeviceProfile:
    """Return the device of unit prices whose heavy kernel has other settings or companions."""
    device = unit_device(tile)
    kernels = dict(device.runtime.kernels)
    heavy: dict[str, Any] = {"ops": HEAVY_KINDS, "types": {"f32": "native", "8x8": "native"}}
    heavy |= {"tile": tile or Tile(), "cycles": Cycles(per_mac=1.0)}
    own = {name: KernelRule(**(heavy | settings)) for name, settings in rules.items()}
    own |= {name: rule for name, rule in kernels.items() if name != "heavy"}
    return device.model_copy(update={"runtime": device.runtime.model_copy(update={"kernels": own})})


def ask(
    graph: Graph,
    device: DeviceProfile,
    others: Mapping[str, Callable[[], Graph]] | None = None,
    **settings: Any,
) -> list[tuple[Advice, Graph]]:
    """Return the advice, each beside the graph that was judged."""
    judged: list[Graph] = []

    def accuracy_of(changed: Graph) -> Accuracy:
        judged.append(changed)
        return Accuracy(top1=0.5, n=len(judged))

    made = advise(graph, device, alternatives=others or {}, accuracy_of=accuracy_of, **settings)
    return list(zip(made, judged, strict=True))


def check(
    graph: Graph,
    device: DeviceProfile,
    found: list[tuple[Advice, Graph]],
    activations: Data | None = None,
) -> None:
    """Check that every price is that of the changed graph, and that it pays."""
    present = estimate(graph, device, activations)
    latencies = [advice.latency_s for advice, _ in found]
    assert latencies == sorted(latencies)
    for advice, changed in found:
        priced = estimate(changed, device, activations)
        assert advice.latency_s == priced.latency_s
        assert advice.energy_j == priced.energy_j
        assert advice.flash_bytes == priced.footprint.flash_bytes
        saved = 1 - advice.latency_s / present.latency_s
        is_smaller = advice.flash_bytes < 0.95 * present.footprint.flash_bytes
        assert saved > 0.01 or (is_smaller and saved >= -0.005)
        if "flash" not in advice.change and "weights and code" not in advice.change:
            assert saved > 0.01
            told = float(advice.change.rpartition("saves ")[2].split(" %")[0])
            assert told == pytest.approx(100 * saved, rel=0.06, abs=0.5)


DENSE_OF_4 = device_with(Tile(m=4), dense={})


def test_a_layer_of_51_channels_on_a_tile_of_4_loses_3_filters() -> None:
    graph = chain()
    found = ask(graph, DENSE_OF_4)
    check(graph, DENSE_OF_4, found)
    (advice, changed), *_ = found
    assert advice.change.startswith(
        "remove 3 more filters of c1 (51 -> 48, the next multiple of 4)"
    )
    assert advice.layer == "c1"
    assert advice.recipe == ""
    # 36 positions: 52 rows of 36 weights are 48 then, and 16 rows of 9 x 51 weights 9 x 48.
    fell = 36 * (4 * 36 + 16 * 9 * 3)
    before = estimate(graph, DENSE_OF_4).latency_s
    assert advice.latency_s == pytest.approx(before - fell)
    # The three of least L1 norm, with what reads them.
    weight = layers_of(graph)["c1"].weight.codes
    keep = np.sort(np.argsort(np.abs(weight).sum(axis=(1, 2, 3)))[3:])
    assert np.array_equal(layers_of(changed)["c1"].weight.codes, weight[keep])
    reader = layers_of(graph)["c2"].weight.codes
    assert np.array_equal(layers_of(changed)["c2"].weight.codes, reader[..., keep])


def test_inputs_are_rounded_where_the_tile_rounds_them() -> None:
    device = device_with(Tile(k=16), dense={})
    graph = chain(50)
    found = ask(graph, device)
    check(graph, device, found)
    (advice, changed), *_ = found
    assert "2 more filters of c1 (50 -> 48), so that c2 reads a multiple of 16" in advice.change
    assert layers_of(changed)["c2"].weight.shape[-1] == 48


def test_a_window_fills_a_part_of_the_tile() -> None:
    # Four channels of a window of nine are the 36 weights that the tile takes.
    device, graph = device_with(Tile(k=36), dense={}), chain(50)
    found = ask(graph, device)
    check(graph, device, found)
    (advice, changed), *_ = found
    assert "2 more filters of c1 (50 -> 48), so that c2 reads a multiple of 4" in advice.change
    assert layers_of(changed)["c2"].weight.shape[-1] == 48


def test_layers_that_share_channels_move_together() -> None:
    b = GraphBuilder("shared", 1, 6, 6, 4)
    y = b.conv("a", "x", 10)
    y = b.add("sum", Add(), y, b.conv("b", y, 10))
    graph = b.done(b.conv("head", y, 8, kernel=1))
    found = ask(graph, DENSE_OF_4)
    check(graph, DENSE_OF_4, found)
    (advice, changed), *rest = found
    assert not rest
    assert "2 more filters of b (10 -> 8, the next multiple of 4), and 2 of a:" in advice.change
    shapes = {name: op.weight.shape for name, op in layers_of(changed).items()}
    assert shapes == {"a": (8, 3, 3, 4), "b": (8, 3, 3, 8), "head": (8, 1, 1, 8)}


def test_several_layers_are_rounded_together_and_alone() -> None:
    b = GraphBuilder("two", 1, 6, 6, 4)
    y = b.conv("c2", b.conv("c1", "x", 21), 13)
    graph = b.done(b.conv("head", y, 8, kernel=1))
    found = ask(graph, DENSE_OF_4)
    check(graph, DENSE_OF_4, found)
    assert [advice.layer for advice, _ in found] == [None, "c2", "c1"]
    assert found[0][0].change.startswith("round every layer down to multiples of 4")
    shapes = [op.weight.shape[0] for op in layers_of(found[0][1]).values()]
    assert shapes == [20, 12, 8]


def test_what_cannot_shrink_is_not_spoken_of() -> None:
    b = GraphBuilder("ends", 1, 6, 6, 3)
    graph = b.done(b.conv("only", "x", 10))
    assert ask(graph, DENSE_OF_4) == []
    # A pattern of 2:4 along the inputs would be torn by 3 channels less.
    torn = parse("prune{structure=2:4}").apply(chain())
    assert not [advice for advice, _ in ask(torn, DENSE_OF_4) if "filters" in advice.change]


def test_a_kernel_that_demands_multiples_on_both_sides_gets_them() -> None:
    fast = {"takes": Takes(channel_multiple=8), "cycles": Cycles(per_mac=0.1)}
    device = device_with(None, fast=fast, slow={})
    b = GraphBuilder("both", 1, 6, 6, 4)
    y = b.conv("c2", b.conv("c1", "x", 19), 18)
    graph = b.done(b.conv("head", y, 8, kernel=1))
    found = ask(graph, device)
    check(graph, device, found)
    best = {name: op.weight.shape for name, op in layers_of(found[0][1]).items()}
    assert best == {"c1": (16, 3, 3, 4), "c2": (16, 3, 3, 16), "head": (8, 1, 1, 16)}
    assert estimate(found[0][1], device).steps[1].kernel == "fast"
    alone = next(changed for advice, changed in found if advice.layer == "c2")
    assert [op.weight.shape[0] for op in layers_of(alone).values()] == [16, 16, 8]
    assert "2 more filters of c2 (18 -> 16), so that c2 works on a multiple of 8, and 3 of c1" in (
        next(advice.change for advice, _ in found if advice.layer == "c2")
    )


CSR = device_with(None, walk={"formats": {"csr": "native"}}, dense={"cycles": Cycles(per_mac=0.5)})


def test_a_device_of_csr_kernels_is_given_csr() -> None:
    graph = parse("prune{sparsity=0.9,format=bitmask}").apply(chain())
    found = ask(graph, CSR)
    check(graph, CSR, found)
    advice, changed = found[0]
    assert advice.change.startswith("store every layer as csr: saves 8")
    assert {op.weight.format.name for op in layers_of(changed).values()} == {"csr"}


def test_the_best_combination_is_that_of_trying_them_all() -> None:
    b = GraphBuilder("deep", 1, 6, 6, 4)
    y = b.conv("c3", b.conv("c2", b.conv("c1", "x", 24), 20), 20)
    recipe = parse("""prune{ratios="c1=0.9;c2=0.2;c3=0.8",format=bitmask}""")
    graph = recipe.apply(b.done(b.conv("head", y, 8, kernel=1)))
    prices: dict[tuple[str, ...], float] = {}
    names = tuple(layers_of(graph))
    for formats in product(("csr", "dense"), repeat=len(names)):
        steps = "|".join(
            f"encode{{format={own},layers={name}}}"
            for own, name in zip(formats, names, strict=True)
        )
        prices[formats] = estimate(parse(steps).apply(graph), CSR).latency_s
    best = min(prices, key=lambda formats: prices[formats])
    assert best == ("csr", "dense", "csr", "dense")
    advice, changed = ask(graph, CSR)[0]
    assert advice.latency_s == prices[best]
    assert advice.layer is None
    assert advice.change.startswith("store c1, c3 as csr and the rest as it is")
    # What no kernel takes as bitmask is run dense, and needs no other name.
    stored = tuple(op.weight.format.name for op in layers_of(changed).values())
    assert stored == ("csr", "bitmask", "csr", "dense")


def test_one_format_for_all_is_offered_beside_the_best() -> None:
    device = device_with(
        None,
        fast={"formats": {"csr": "native"}, "cycles": Cycles(per_mac=0.5)},
        walk={"formats": {"bitmask": "native"}},
        dense={"cycles": Cycles(per_mac=10.0)},
    )
    graph = parse("prune{sparsity=0.5,format=bitmask}|encode{format=dense}").apply(chain())
    found = ask(graph, device)
    check(graph, device, found)
    words = [advice.change.split(":")[0] for advice, _ in found]
    assert words[:2] == ["store every layer as csr", "store every layer as bitmask"]


def test_a_device_of_2_4_kernels_is_given_the_recipe_that_makes_it() -> None:
    device = device_with(
        None, sparse={"formats": {"2:4": "native"}, "cycles": Cycles(per_mac=0.5)}, dense={}
    )
    original, recipe = chain(), parse("prune{sparsity=0.9}|quantize{calibration=synthetic}")
    recipes = alternatives(recipe, native_formats(device), 1)
    builds = {name: partial(own.apply, original) for name, own in recipes.items()}
    graph = recipe.apply(original)
    found = ask(graph, device, builds, most=20)
    check(graph, device, found)
    assert [advice.recipe for advice, _ in found[:2]] == [
        "prune{structure=filter,sparsity=0.6838}|quantize{calibration=synthetic}",
        "prune{structure=2:4}|quantize{calibration=synthetic}",
    ]
    assert found[1][0].change.startswith("compress by prune{structure=2:4}|")
    # One small layer happens to hold that pattern already, and is not worth a change.
    assert not found[2:]


def test_where_nothing_pays_nothing_is_said() -> None:
    assert ask(chain(48), DENSE_OF_4) == []
    dense = device_with(None, dense={})
    same = {"none": chain}
    assert ask(chain(), dense, same) == []


def test_what_no_longer_fits_does_not_pay() -> None:
    graph = parse("prune{sparsity=0.9,format=csr}").apply(chain())
    device = device_with(
        None, walk={"formats": {"csr": "native"}}, dense={"cycles": Cycles(per_mac=0.01)}
    )
    assert ask(graph, device)
    used = estimate(graph, device).footprint.flash_bytes
    flash = device.hardware.memories["flash"].model_copy(update={"size_bytes": used})
    memories = device.hardware.memories | {"flash": flash}
    hardware = device.hardware.model_copy(update={"memories": memories})
    assert ask(graph, device.model_copy(update={"hardware": hardware})) == []


def test_only_what_is_returned_is_judged_and_each_kind_that_pays_is_there() -> None:
    graph = parse("prune{sparsity=0.9,format=bitmask}").apply(chain())
    device = device_with(
        Tile(m=4), walk={"formats": {"csr": "native"}}, dense={"cycles": Cycles(per_mac=0.5)}
    )
    others: dict[str, Callable[[], Graph]] = {
        "prune{structure=filter,sparsity=0.1}": lambda: chain(44),
        "quantize": lambda: parse("quantize{calibration=synthetic}").apply(chain(40)),
    }
    found = ask(graph, device, others, most=4)
    check(graph, device, found)
    starts = {advice.change.split(" ")[0] for advice, _ in found}
    assert starts == {"store", "round", "compress"} or starts == {"store", "remove", "compress"}
    assert {advice.recipe for advice, _ in found} > set(others)
    assert all(advice.accuracy is not None for advice, _ in found)
    assert len(ask(graph, device, others, most=1)) == 1
    assert ask(graph, device, others, most=0) == []


@pytest.mark.parametrize("error", [RecipeError, FormatError, UnsupportedError])
def test_what_cannot_be_built_or_run_is_no_advice(error: type[Exception]) -> None:
    def refuse() -> Graph:
        raise error("no")

    assert ask(chain(48), DENSE_OF_4, {"share": refuse}) == []

    def accuracy_of(changed: Graph) -> Accuracy | None:
        if layers_of(changed)["c1"].weight.shape[0] == 8:
            raise error("no")
        return None

    others = {"a": partial(chain, 8), "b": partial(chain, 16)}
    made = advise(chain(48), DENSE_OF_4, alternatives=others, accuracy_of=accuracy_of, most=1)
    assert [advice.recipe for advice in made] == ["b"]


def test_slips_are_not_hidden() -> None:
    def slip() -> Graph:
        raise DataError("slip")

    with pytest.raises(DataError, match="slip"):
        ask(chain(48), DENSE_OF_4, {"share": slip})
    with pytest.raises(UnsupportedError):
        ask(parse("quantize{weights=4,calibration=synthetic}").apply(chain()), DENSE_OF_4)


def test_what_was_not_trained_is_priced_and_not_judged() -> None:
    recipe = parse("prune{structure=filter,sparsity=0.5}|finetune")
    assert trains(recipe)
    others = {str(recipe): partial(without_training(recipe).apply, chain(48))}
    judged: list[Graph] = []
    (advice,) = advise(
        chain(48),
        DENSE_OF_4,
        alternatives=others,
        accuracy_of=lambda changed: judged.append(changed),
        untrained=list(others),
    )
    assert advice.recipe == str(recipe)
    assert advice.change.endswith("(priced without its training)")
    assert advice.accuracy is None
    assert judged == []


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_every_price_is_that_of_the_changed_graph(name: str, make: Callable[[], Graph]) -> None:
    device = load_profile(name)
    recipe = parse(QUANTIZED)
    original = make()
    graph = recipe.apply(original)
    recipes = alternatives(recipe, native_formats(device), channel_multiple(device))
    builds = {own: partial(recipes[own].apply, original) for own in recipes}
    try:
        found = ask(graph, device, builds)
    except UnsupportedError as error:
        pytest.skip(str(error))
    check(graph, device, found)
    assert len(found) <= 6


def test_where_kernels_look_at_activations_the_price_does_too() -> None:
    device, recipe = load_profile("dual_side_tensor_core_sim"), parse(QUANTIZED)
    original = chain(80)
    graph = recipe.apply(original)
    data = Data(x=np.maximum(samples(graph, 4), 0).astype(np.float32))
    assert estimate(graph, device, data).latency_s < estimate(graph, device).latency_s
    recipes = alternatives(recipe, native_formats(device), channel_multiple(device))
    builds = {own: partial(recipes[own].apply, original) for own in recipes}
    found = ask(graph, device, builds, activations=data)
    check(graph, device, found, data)
    assert {bool(advice.recipe) for advice, _ in found} == {True, False}


def test_devices_say_what_they_take() -> None:
    assert native_formats(CSR) == ("csr", "dense")
    assert native_formats(unit_device()) == ("dense", "bitmask", "2:4")
    for name, multiple in (
        ("rpi4_xnnpack", 8),
        ("ethos_u55_128_vela", 32),
        ("h200_cuda", 32),
        ("stm32l4r5_xcubeai", 4),
        ("a311d_ncnn", 1),
    ):
        assert channel_multiple(load_profile(name)) == multiple, name
