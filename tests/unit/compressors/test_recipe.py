"""Recipes as text: what parses, and that only a RecipeError says what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compressors import Fuse, Identity, Prune, Quantize, Recipe, parse
from compressors._recipe_file import read_text
from compressors.workbench import Workbench
from hwsim.data import Data
from hwsim.errors import DataError, RecipeError
from hwsim.graph import Graph
from hwsim.ops import Add, Constant
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, mlp, weight_of, with_op

YAML = """\
version: 1
name: magnitude90_int8
steps:
  - prune: {structure: unstructured, sparsity: 0.9}
  - quantize: {}
"""


def test_spec_string() -> None:
    recipe = parse("prune{structure=unstructured,sparsity=0.9}|quantize{weights=8,activations=8}")
    assert recipe.steps == (Prune(sparsity=0.9), Quantize())
    assert str(recipe) == recipe.name == "prune{sparsity=0.9}|quantize"


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ("none", "none"),
        (" fuse | none{} ", "fuse|none"),
        ("prune{ structure = 2:4 }", "prune{structure=2:4}"),
        ('prune{sparsity=5e-1,layers="a,b}|=c"}', 'prune{sparsity=0.5,layers="a,b}|=c"}'),
        ('prune{sparsity=0.5,layers=""}', 'prune{sparsity=0.5,layers=""}'),
        ("quantize{calibration=synthetic,weights=4}", "quantize{weights=4,calibration=synthetic}"),
    ],
)
def test_spec_is_normalised(spec: str, want: str) -> None:
    assert str(parse(spec)) == want
    assert parse(want) == parse(spec)


def test_yaml_file(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(YAML)
    for recipe in (parse(path), parse(str(path))):
        assert recipe.name == "magnitude90_int8"
        assert recipe == parse("prune{sparsity=0.9}|quantize")


def test_yaml_scalars_mean_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    # YAML 1.1 reads 2:4 as 124 and 1e-1 as text.
    path.write_text("version: 1\nsteps:\n- prune: {structure: 2:4}\n- fuse\n- none:\n"
                    "- prune: {threshold: 1e-1}\n")  # fmt: skip
    assert str(parse(path)) == "prune{structure=2:4}|fuse|none|prune{threshold=0.1}"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "recipe: expected step.* got nothing"),
        ("prun{sparsity=0.5}", "recipe: no step 'prun'; known: .*fuse, .*none, prune, .*quantize"),
        ("prune{sparcity=0.5}", "recipe: prune has no setting 'sparcity'; known: structure, spars"),
        ("none{x=1}", "recipe: none has no setting 'x'; known: none at all"),
        ("prune{sparsity=1.5}", "recipe: prune.sparsity: expected < 1, got '1.5'"),
        ("prune{sparsity=-1}", "recipe: prune.sparsity: expected >= 0, got '-1'"),
        ("prune{sparsity=nan}", "recipe: prune.sparsity: expected a finite number, got 'nan'"),
        ("prune{sparsity=half}", "recipe: prune.sparsity: expected a number, got 'half'"),
        ("prune{sparsity=}", "recipe: prune.sparsity: expected a number, got ''"),
        (
            "prune{sparsity=0.5,scope=all}",
            "prune.scope: expected 'local', 'global' or 'lamp', got 'all'",
        ),
        ("prune{sparsity=0.5,round_to=1.5}", "prune.round_to: expected a whole number, got '1.5'"),
        ("prune{sparsity=0.5,structure=5:4}", "prune.structure: expected .*N:M.*got '5:4'"),
        ("prune{sparsity=0.5,structure=2:4}", "structure=2:4 got sparsity; the pattern says it"),
        ("prune", "structure=unstructured got no sparsity; such as sparsity=0.5"),
        ("prune{structure=filter}", "structure=filter got no sparsity"),
        ("prune{sparsity=0.5,threshold=1}", "sparsity and threshold; one of them"),
        ("prune{sparsity=0.5,round_to=8}", "structure=unstructured got round_to"),
        ("prune{structure=2:4,scope=global}", "structure=2:4 got scope=global"),
        ("prune{structure=2:4,format=csr}", "structure=2:4 got format=csr; it has its own"),
        ("prune{structure=filter,sparsity=0.5,format=csr}", "what is left keeps the format"),
        ("prune{sparsity=0.5,format=zip}", "prune.format: no storage format 'zip'; known: dense"),
        ("prune{sparsity=0.5,format=2:4}", "prune.format: expected an unstructured format"),
        ("quantize{activations=17}", "quantize.activations: expected 1..16 or 32 .*, got 17"),
        ("gptq{order=size}", "gptq.order: expected 'activation' or 'given', got 'size'"),
        ("correct_bias{numerics=none}", "correct_bias.numerics: no numerics policy 'none'"),
        ("quantize{group=-1}", "recipe: quantize.group: expected >= 0, got '-1'"),
        ("quantize{scale_bits=8}", "quantize.scale_bits: expected 16 or 32, got 8"),
        ("quantize{weights=17}", "recipe: quantize.weights: expected <= 16, got '17'"),
        ("quantize{weights=8,weights=4}", "recipe: quantize.weights is set twice"),
        ("quantize{weights=8", "recipe: at character 19: expected ',' or '}' .* got the end"),
        ("quantize{weights}", "expected setting=value of quantize, got 'weights}'"),
        ("quantize}", "expected '|' or the end, got '}'"),
        # Billions of stages would hang; such powers of magnitudes are all 0 or 1.
        ("prune{sparsity=0.5,schedule=cubic,steps=1001}", "prune.steps: expected <= 1000"),
        ("prune{sparsity=0.5,criterion=lp,p=1e9}", "prune.p: expected <= 16"),
        ("adaround{batch_size=99999999}", "adaround.batch_size: expected <= 65536"),
        ("distill{temperature=1e300}", "distill.temperature: expected <= 1000"),
        ("quantize|", "expected the name of a step, got the end"),
        ("quantize||none", "expected the name of a step, got '|none'"),
    ],
)
def test_mistakes_are_said_in_one_line(spec: str, message: str) -> None:
    message = message.replace("'|'", r"'\|'").replace("'|none'", r"'\|none'")
    with pytest.raises(RecipeError, match=message) as caught:
        parse(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r: expected the keys version, name, steps, got nothing"),
        ("- a", "r: expected the keys"),
        ("version: 2\nsteps: [none]", "r: version: expected 1, got '2'"),
        ("steps: [none]", "r: version: expected 1, got nothing"),
        ("version: 1", "r: steps: expected a list of steps, got nothing"),
        ("version: 1\nsteps: []", "r: steps: expected a list of steps"),
        ("version: 1\nstep: []", "r: unknown key 'step'; known"),
        ("version: 1\nversion: 1\nsteps: [none]", "r: line 1: 'version' is set twice"),
        ("version: 1\nname: [a]\nsteps: [none]", "r: name: expected text"),
        ('version: 1\nname: "a\\nb"\nsteps: [none]', "r: name: expected text of one line"),
        ("version: 1\nsteps: [[none]]", r"r: steps\[0\]: expected step"),
        ("version: 1\nsteps: [{none: {}, fuse: {}}]", r"r: steps\[0\]: expected step"),
        ("version: 1\nsteps: [{prune: 3}]", r"r: steps\[0\]: prune: expected {setting: value}"),
        ("version: 1\nsteps: [{prune: {a: [1]}}]", r"r: steps\[0\]: prune.a: expected one value"),
        ("version: 1\nsteps: [{prune: {a: 1, a: 2}}]", "r: line 2: 'a' is set twice"),
        ("version: [1", "r: expected YAML, got a damaged file"),
        ("[" * 5000, "r: expected YAML, got a damaged file"),
    ],
)
def test_damaged_files_are_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        read_text(text, "r")
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere.yaml: expected a recipe file"):
        parse(tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(RecipeError, match=r"binary.yaml: expected a recipe file"):
        parse(tmp_path / "binary.yaml")
    with pytest.raises(RecipeError):
        parse("a\0.yaml")


words = st.sampled_from(
    ["none", "fuse", "prune", "quantize", "sparsity", "structure", "weights", "2:4", "filter", "{",
     "}", "|", ",", "=", "0.5", "1e999", "nan", '"', '"a"', "\\", " ", "\n", ".yaml", "layers", ""]
)  # fmt: skip


@given(st.one_of(st.lists(words, max_size=14).map("".join), st.text(max_size=40)))
@example('prune{sparsity="\\ud800"}')
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        recipe = parse(text)
    except RecipeError:
        return
    assert parse(str(recipe)) == recipe


yaml_words = st.sampled_from(
    ["version: 1", "\n", "steps:", "- ", "prune", "none", ": ", "{", "}", "[", "]", "&a", "*a",
     "!!x", "? ", "<<", "'", "  ", "sparsity: 0.5", "\t", "#", "|", "---"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(yaml_words, max_size=20).map("".join)))
@example("version: 1\nsteps: &a [*a]")
@example("version: 1\nsteps: [{? [a] : b}]")
@example("{? {a: b} : c}")
def test_no_file_raises_anything_else(text: str) -> None:
    try:
        name, steps = read_text(text, "fuzz")
    except RecipeError:
        return
    assert isinstance(name, str)
    assert steps


@given(
    sparsity=st.floats(0, 1, exclude_max=True),
    layers=st.text(),
    round_to=st.integers(1, 1 << 40),
)
def test_every_setting_survives_its_text(sparsity: float, layers: str, round_to: int) -> None:
    step = Prune(structure="filter", sparsity=sparsity, layers=layers, round_to=round_to)
    recipe = Recipe(steps=(step, Identity()))
    assert parse(str(recipe)) == recipe


@pytest.mark.parametrize("given", [None, 3, ["none"]])
def test_what_is_no_text_is_said_in_one_line(given: Any) -> None:
    with pytest.raises(RecipeError, match=r"^recipe: expected a spec string or a path, got \w+;"):
        parse(given)


def test_apply_refuses_what_is_no_graph_or_data() -> None:
    graph: Any = "mlp.hwsim"
    x: Any = np.zeros((2, 1, 4, 4, 3))
    with pytest.raises(RecipeError, match=r"^recipe: expected a graph to compress, got str;"):
        parse("none").apply(graph)
    with pytest.raises(RecipeError, match=r"^mlp: recipe: .* hwsim.Data, got ndarray;"):
        parse("quantize").apply(mlp(), x)


def test_apply_tells_of_each_step() -> None:
    graph = mlp()
    seen: list[str] = []
    recipe = Recipe(steps=(Fuse(), Prune(sparsity=0.5)), label="both")
    result = recipe.compress(
        graph, Workbench(), lambda step, made: seen.append(f"{step}: {made.name}")
    )
    assert seen == ["fuse: mlp", "prune{sparsity=0.5}: mlp"]
    assert result is not graph
    assert recipe.name == "both"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(wrong: float) -> None:
    graph = mlp()
    conv: Any = graph.nodes[0].op
    codes = conv.weight.codes.copy()
    codes[0, 0, 0, 0] = wrong
    graph = with_op(graph, "conv", weight=Weight(codes=codes))
    for apply in (parse("none").apply, Prune(sparsity=0.5).apply):
        with pytest.raises(RecipeError, match=r"mlp/conv: .* expected finite constants, got 1 "):
            apply(graph)


def test_a_mask_may_be_infinite() -> None:
    b = GraphBuilder("masked", 1, 3)
    mask = b.add("mask", Constant(value=weight_of([0.0, 0.0, -np.inf])))
    graph = b.done(b.add("sum", Add(), b.linear("fc", "x", 3), mask))
    assert parse("prune{sparsity=0.5}").apply(graph).name == "masked"


def test_a_step_that_makes_no_numbers_is_refused() -> None:
    class Broken(Identity):
        def compress(self, graph: Graph, bench: Workbench) -> Graph:
            return with_op(graph, "fc2", bias=weight_of([np.nan, 0.0, 0.0, 0.0]))

    with pytest.raises(RecipeError, match=r"mlp/fc2: none: expected finite constants, got 1 "):
        Recipe(steps=(Broken(),)).apply(mlp())


def test_inputs_beyond_float32_are_refused() -> None:
    data = Data(x=np.full((2, 4, 4, 3), 1e300))
    with pytest.raises(DataError, match=r"data: x holds magnitudes up to 1e\+300"):
        parse("quantize").apply(mlp(), data)
