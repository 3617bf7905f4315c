"""Our own file gives back the same graph bit by bit, and refuses a manifest that lies."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as safetensors_bytes  # pyright: ignore[reportUnknownVariableType]

import compressors
from hwsim.data import Data
from hwsim.formats import FORMATS, NM, Bitmask, Block, Csr, Format, Huffman, Signs, Trits
from hwsim.graph import Graph, Node
from hwsim.interchange import load, save
from hwsim.numerics import Quant
from hwsim.ops import Linear
from hwsim.tensor import TensorType, Weight
from tests.cases import CASES
from tests.equality import difference
from tests.graphs import GRAPHS, mlp, samples, with_op
from tests.unit.interchange.damage import flips, manifest_edited, read, truncations
from tests.unit.interchange.version_1 import write_version_1

SPECS = (
    "none",
    "quantize",
    "quantize{weights=4,activations=8}",
    "prune{structure=unstructured,sparsity=0.7}|quantize",
    "prune{structure=2:4}",
)


def compressed(make: Callable[[], Graph], spec: str) -> Graph:
    graph = make()
    data = Data(x=samples(graph, 4).astype(np.float32)[:, 0])
    return compressors.parse(spec).apply(graph, data)


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("spec", SPECS)
def test_reading_gives_back_what_was_written(
    make: Callable[[], Graph], spec: str, tmp_path: Path
) -> None:
    graph = compressed(make, spec)
    path = tmp_path / "graph.hwsim"
    save(graph, path)
    assert difference(load(path), graph) == ""


@pytest.mark.parametrize("name", CASES)
def test_every_op_comes_back(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    operands = tuple(f"x{i}" for i in range(len(case.inputs)))
    types = dict(zip((*operands, "y"), (*case.inputs, *case.outputs), strict=True))
    node = Node(name="op", op=case.op, inputs=operands, outputs=("y",))
    graph = Graph(name="net", inputs=operands, outputs=("y",), tensors=types, nodes=(node,))
    save(graph, tmp_path / "net.hwsim")
    assert difference(graph, load(tmp_path / "net.hwsim")) == ""


def test_a_difference_is_seen() -> None:
    """The law above says something: graphs that differ in one setting or bit are not the same."""
    graph = mlp()
    op: Any = graph.nodes[0].op
    codes = op.weight.codes.copy()
    codes[0, 0, 0, 0] = np.nextafter(codes[0, 0, 0, 0], np.float32(9))
    weight = type(op.weight)(codes=codes)
    assert difference(graph, mlp()) == ""
    assert difference(graph, with_op(graph, "conv", stride=(2, 2))) == "conv: stride"
    assert difference(graph, with_op(graph, "conv", weight=weight)) == "conv: weight"


UNIT = Quant(scale=(1.0,))


def one_layer(weight: Weight) -> Graph:
    """Return a linear layer between tensors without an encoding; it need not run."""
    types = {
        "x": TensorType(shape=(1, weight.shape[1])),
        "y": TensorType(shape=(1, len(weight.codes))),
    }
    node = Node(name="fc", op=Linear(weight=weight), inputs=("x",), outputs=("y",))
    return Graph(name="net", inputs=("x",), outputs=("y",), tensors=types, nodes=(node,))


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = tmp_path / "mlp.hwsim"
    save(mlp(), path)
    return path.read_bytes()


INT8 = {"scale": [0.5], "zero_point": [0], "axis": None, "bits": 8, "signed": True}

LIES: tuple[tuple[Callable[[Any], object], str], ...] = (
    (lambda m: m["nodes"].reverse(), "mlp/fc2: reads tensor 'relu1', which a later node makes"),
    (lambda m: m["nodes"][0].update(inputs=["fc2"]), "mlp/conv: reads tensor 'fc2'"),
    (lambda m: m["nodes"][1].update(op="nope"), "node 1: 'relu0': op 'nope' is not known; known:"),
    (lambda m: m["nodes"][1].update(op=["relu"]), "node 1: 'relu0': expected text, got ['relu']"),
    (lambda m: m["nodes"][0].pop("op"), "node 0: 'conv': key 'op' is missing"),
    (lambda m: m["nodes"][0].update(inputs="x"), "'conv': expected a list of names, got 'x'"),
    (lambda m: m["nodes"][0].update(name=7), "node 0: expected text, got 7"),
    (lambda m: m["nodes"][1].update(name="conv"), "two nodes are named 'conv'"),
    (lambda m: m["nodes"][0]["fields"].update(stride="x"), "conv2d.stride: expected Pair, got 'x'"),
    (lambda m: m["nodes"][0]["fields"].update(stride=[1, 0]), "conv2d.stride: expected Pair"),
    (lambda m: m["nodes"][0]["fields"].update(groups=True), "conv2d.groups: expected int"),
    (lambda m: m["nodes"][0]["fields"].update(groups=0), "mlp/conv: conv2d"),
    (lambda m: m["nodes"][0]["fields"].update(activation=["relu"]), "conv2d.activation: expected"),
    (lambda m: m["nodes"][0]["fields"].pop("stride"), "'conv': key 'stride' is missing"),
    (lambda m: m["nodes"][0]["fields"].update(extra=1), "conv2d has no field 'extra'"),
    (lambda m: m["nodes"][0]["fields"].update(weight=None), "conv2d.weight: expected Weight"),
    (lambda m: weight(m).update(format="zzz"), "'conv': weight: no storage format 'zzz'"),
    (lambda m: m.update(nodes=3), "a list of nodes"),
    (lambda m: m.update(tensors=[]), "a mapping of tensors"),
    (lambda m: m["tensors"]["x"].update(shape="1443"), "tensor 'x': expected a list of integers"),
    (lambda m: m["tensors"]["x"].update(shape=[1.5, 4, 4, 3]), "tensor 'x': expected a list of"),
    (lambda m: m["tensors"]["x"].update(shape=[1, 4, 4, -3]), "extents are >= 1"),
    (lambda m: m["tensors"]["fc1"].update(shape=[1, 11]), "mlp/fc1: linear makes [1, 10]"),
    (lambda m: quant(m, scale=[0.5, 0.5], zero_point=[0, 0], axis=0), "has one scale, got 2"),
    (lambda m: quant(m, scale=[0.0]), "tensor 'x': scales must be positive reals"),
    (lambda m: quant(m, scale=[float("nan")]), "tensor 'x': scales must be positive reals"),
    (lambda m: quant(m, scale=[]), "tensor 'x': scales must be positive reals"),
    (lambda m: quant(m, zero_point=[128]), "zero points -128..127 exist, got [128]"),
    (lambda m: quant(m, zero_point=[10**30]), "zero points -128..127 exist"),
    (lambda m: quant(m, zero_point=[0, 0]), "a zero point per scale"),
    (lambda m: quant(m, bits=65), "an encoding of 65 bits"),
    (lambda m: quant(m, group=0), "groups of 0 along axis None; they need axis 0"),
    (lambda m: quant(m, group=4), "groups of 4 along axis None; they need axis 0"),
    (lambda m: quant(m, scale_bits=8), "scales of groups take 16 or 32 bits, got 8"),
    (lambda m: quant(m, bits="8"), "an encoding of '8' bits"),
    (lambda m: quant(m, signed=1), "needs `signed`"),
    (lambda m: quant(m, axis=9), "along axis 9"),
)

# Version 1 holds weights unpacked, as tensors that its manifest names.
LIES_1: tuple[tuple[Callable[[Any], object], str], ...] = (
    (lambda m: weight(m).update(codes="zzz"), "'conv': weight: key 'zzz' is missing"),
    (lambda m: weight(m).update(quant=INT8), "float32[6, 3, 3, 3] does not fit the encoding"),
    (lambda m: m.update(version=2), "manifest version 2, expected 1"),
    (lambda m: m.update(version=True), "manifest version True, expected 1"),
    (lambda m: m.pop("version"), "key 'version' is missing"),
)

MANY = 1 << 40
LIES_2: tuple[tuple[Callable[[Any], object], str], ...] = (
    (lambda m: weight(m).pop("arrays"), "'conv': weight: key 'arrays' is missing"),
    (lambda m: weight(m).update(arrays={}), "'conv': weight: key 'values' is missing"),
    (lambda m: weight(m).update(shape=[]), "'conv': weight: weights have extents >= 1, got []"),
    (lambda m: weight(m).update(shape=[6, 0]), "weights have extents >= 1, got [6, 0]"),
    (lambda m: weight(m).update(shape=[6, 28]), "168 numbers of 32 bits take 672 bytes, got 648"),
    (lambda m: weight(m).update(shape=[MANY]), "are more than a file of this size holds"),
    (lambda m: weight(m).update(shape=[MANY] * 4), "are more than a file of this size holds"),
    (lambda m: weight(m).update(stored="zzz"), "'conv': weight: no storage format 'zzz'"),
    (lambda m: weight(m).update(stored="csr"), "'conv': weight: key 'starts' is missing"),
    (lambda m: weight(m).update(quant=INT8), "162 numbers of 8 bits take 162 bytes, got 648"),
    (lambda m: place(m, [0]), "expected 2"),
    (lambda m: place(m, [0, -1]), "bytes 0..-1 of "),
    (lambda m: place(m, [-4, 648]), "bytes -4..644 of "),
    (lambda m: place(m, [8, MANY]), f"bytes 8..{8 + MANY} of "),
    (lambda m: place(m, "0:648"), "expected a list of integers, got '0:648'"),
    (lambda m: quant(m, scale={"float32": [0, MANY]}), f"bytes 0..{MANY} of "),
    (lambda m: quant(m, scale={"float32": [0, 3]}), "tensor 'x': "),
    (lambda m: quant(m, scale={"complex": [0, 8]}), "expected the place of numbers, got"),
    (lambda m: quant(m, scale={"float32": [0, 4], "times": "2"}), "expected the place of numbers"),
    (lambda m: quant(m, scale={}), "tensor 'x': "),
    (lambda m: quant(m, zero_point=True), "tensor 'x': "),
)


def place(manifest: Any, value: object) -> None:
    weight(manifest)["arrays"]["values"] = value


def weight(manifest: Any) -> Any:
    return manifest["nodes"][0]["fields"]["weight"]


def quant(manifest: Any, **fields: object) -> None:
    manifest["tensors"]["x"]["quant"] = INT8 | fields


def told(lie: Callable[[Any], object], content: bytes, folder: Path) -> str:
    found = read(folder / "lie.hwsim", manifest_edited(content, lie))
    assert isinstance(found, str)
    assert found.startswith("lie.hwsim: ")
    return found


def lies(*tables: tuple[tuple[Callable[[Any], object], str], ...]) -> pytest.MarkDecorator:
    rows = [row for table in tables for row in table]
    return pytest.mark.parametrize(("lie", "message"), rows, ids=[message for _, message in rows])


@lies(LIES, LIES_2)
def test_a_manifest_that_lies_is_refused_with_the_place(
    lie: Callable[[Any], object], message: str, content: bytes, tmp_path: Path
) -> None:
    assert message in told(lie, content, tmp_path)


@lies(LIES, LIES_1)
def test_an_old_manifest_that_lies_is_refused_too(
    lie: Callable[[Any], object], message: str, tmp_path: Path
) -> None:
    write_version_1(mlp(), tmp_path / "old.hwsim")
    assert message in told(lie, (tmp_path / "old.hwsim").read_bytes(), tmp_path)


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("spec", SPECS)
def test_version_1_is_read(make: Callable[[], Graph], spec: str, tmp_path: Path) -> None:
    graph = compressed(make, spec)
    write_version_1(graph, tmp_path / "old.hwsim")
    assert difference(load(tmp_path / "old.hwsim"), graph) == ""


def test_a_later_version_is_refused(content: bytes, tmp_path: Path) -> None:
    later = content.replace(b'{"hwsim":"2"}', b'{"hwsim":"3"}')
    assert later != content
    assert read(tmp_path / "a.hwsim", later) == "a.hwsim: version '3', expected 1 or 2"


def test_codes_wider_than_their_encoding_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.hwsim"
    write_version_1(compressed(mlp, "quantize"), path)

    def narrow(manifest: Any) -> None:
        weight(manifest)["quant"]["bits"] = 2

    found = read(path, manifest_edited(path.read_bytes(), narrow))
    assert isinstance(found, str)
    assert "are not 2 bits wide" in found


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_weights_lie_in_the_bytes_of_their_format(fmt: Format, tmp_path: Path) -> None:
    codes = (np.arange(64 * 96).reshape(64, 96) % 16 == 0).astype(np.int8)
    if fmt == Signs():
        codes = codes * 2 - 1
    stored = Weight(codes=codes, quant=Quant(scale=(0.5,)), format=fmt)
    small, large = (tmp_path / name for name in ("small.hwsim", "large.hwsim"))
    save(one_layer(replace(stored, codes=codes[:1, :16])), small)
    save(one_layer(stored), large)
    assert difference(load(large), one_layer(stored)) == ""
    # Beside the weight, only numbers in the manifest grow.
    assert abs(large.stat().st_size - small.stat().st_size - stored.storage_bytes) < 100


def test_a_file_is_little_more_than_its_weights(tmp_path: Path) -> None:
    graph = compressed(mlp, "quantize")
    save(graph, tmp_path / "a.hwsim")
    weights = [node.op.weight for node in graph.nodes if node.op.weight is not None]
    # Scales of weights are float32; those of biases follow from them.
    scales = sum(4 * len(weight.quant.scale) for weight in weights if weight.quant is not None)
    assert (tmp_path / "a.hwsim").stat().st_size < graph.storage_bytes + scales + 1000


def test_scales_come_back_bit_by_bit(tmp_path: Path) -> None:
    shared, awkward = (0.1, 0.3, 1e-300), (np.float64(np.float32(0.7)).item(), 0.5, 2.0**-140)
    for scale in (shared, awkward, (1.0, 2.0, 2.0**-14), (1.0, 3e4, 1e5)):
        for zeros in ((0, 0, 0), (-128, 0, 127), (5, 5, 5)):
            quant = Quant(scale=scale, zero_point=zeros, axis=0)
            graph = one_layer(Weight(codes=np.ones((3, 4), np.int8), quant=quant))
            save(graph, tmp_path / "a.hwsim")
            assert difference(load(tmp_path / "a.hwsim"), graph) == ""


@pytest.mark.parametrize("fmt", [Bitmask(), Csr(), Trits(), NM(1, 4)], ids=lambda fmt: fmt.name)
def test_what_a_format_would_lose_is_stored_dense(fmt: Format, tmp_path: Path) -> None:
    """The sign of a zero is a bit; and a pattern may have been broken after it was chosen."""
    codes = np.array([[0.0, -0.0, 1.5, 2.5]], np.float32)
    graph = one_layer(Weight(codes=codes, format=fmt))
    save(graph, tmp_path / "a.hwsim")
    assert difference(load(tmp_path / "a.hwsim"), graph) == ""


def test_a_weight_of_zeros_alone_does_not_make_a_file_that_none_reads(tmp_path: Path) -> None:
    zeros = Weight(codes=np.zeros((1024, 24 << 10), np.int8), quant=UNIT, format=Csr())
    graph = one_layer(zeros)
    save(graph, tmp_path / "a.hwsim")
    assert (tmp_path / "a.hwsim").stat().st_size > 24 << 20
    assert difference(load(tmp_path / "a.hwsim"), graph) == ""


def test_a_small_file_does_not_unpack_to_a_large_graph(tmp_path: Path) -> None:
    path = tmp_path / "a.hwsim"
    save(one_layer(Weight(codes=np.zeros((4, 64), np.int8), quant=UNIT, format=Huffman())), path)
    # One code of no bits stands for any number of weights.
    wide = manifest_edited(path.read_bytes(), lambda m: weight(m).update(shape=[4, 1 << 30]))
    found = read(path, wide)
    assert isinstance(found, str)
    assert "are more than a file of this size holds" in found


def test_a_small_file_does_not_ask_for_large_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.hwsim"
    save(one_layer(Weight(codes=np.zeros((1, 64), np.int8), quant=UNIT, format=Block(4, 4))), path)

    def enlarge(manifest: Any) -> None:
        weight(manifest).update(format="bsr256x1", shape=[1, 12 << 20])

    found = read(path, manifest_edited(path.read_bytes(), enlarge))
    assert isinstance(found, str)
    assert "are more than a file of this size holds" in found


def test_a_manifest_that_inflates_to_too_much_is_refused(tmp_path: Path) -> None:
    path, manifest = tmp_path / "a.hwsim", zlib.compress(b" " * (8 << 20))
    arrays = {"manifest": np.frombuffer(manifest, np.uint8), "weights": np.zeros(0, np.uint8)}
    written: bytes = safetensors_bytes(arrays, metadata={"hwsim": "2"})
    found = read(path, written)
    assert isinstance(found, str)
    assert "that inflates to too many" in found


def test_a_safetensors_file_without_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "a.hwsim"
    written: bytes = safetensors_bytes({"a": np.zeros(3)})
    assert read(path, written) == "a.hwsim: a safetensors file without an hwsim manifest"


def test_a_file_cut_off(content: bytes, tmp_path: Path) -> None:
    for cut in truncations(content, 300):
        assert isinstance(read(tmp_path / "cut.hwsim", cut), str)


def test_a_file_with_wrong_bytes(content: bytes, tmp_path: Path) -> None:
    found = [read(tmp_path / "f.hwsim", damaged) for damaged in flips(content, 400, seed=6)]
    assert {type(result) for result in found} == {str, Graph}


@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_a_manifest_with_a_wrong_value_anywhere(make: Callable[[], Graph], tmp_path: Path) -> None:
    path = tmp_path / "graph.hwsim"
    save(compressed(make, "quantize"), path)
    content, rng = path.read_bytes(), np.random.default_rng(7)
    awkward = json.loads('[null, true, -1, 0, 1e308, NaN, "x", "", [], {}, [1, 2, 3], [[1, 1]]]')
    for value in (*awkward, 10**30, 1 << 31, 0.5):

        def spoil(manifest: Any, value: object = value) -> None:
            places = list(_places(manifest))
            holder, key = places[int(rng.integers(len(places)))]
            holder[key] = value

        for _ in range(6):
            found = read(path, manifest_edited(content, spoil))
            if isinstance(found, Graph):
                # What is accepted can be printed and weighed.
                assert found.storage_bytes >= 0
                assert found.to_text()


def _places(tree: Any) -> Any:
    """Give (holder, key) of everything in a JSON tree."""
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    elif isinstance(tree, list):
        items = enumerate(tree)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    for key, value in list(items):
        yield tree, key
        yield from _places(value)
