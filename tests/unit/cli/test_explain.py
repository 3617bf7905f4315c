"""`hwsim explain`: what it prints and writes, and what it refuses in one line."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressors import Recipe, parse
from hwsim.cli.explained import own_baseline
from hwsim.interchange import save
from hwsim.records import CAUSES
from tests.graphs import GraphBuilder
from tests.unit.cli.harness import DEVICE, Hwsim

SPARSE = "prune{sparsity=0.9}|quantize"
FILTERS = "prune{structure=filter,sparsity=0.5}|quantize"
INTEGERS_ONLY = "sparse_pe64_sim"
"""Refuses floats, and walks zeros."""


def explain(
    *more: str, model: str = "float.hwsim", recipe: str = SPARSE, device: str = DEVICE
) -> tuple[str, ...]:
    return ("explain", model, "--recipe", recipe, "--device", device, "--data", "data.npz", *more)


def document() -> Any:
    return json.loads(Path("o.json").read_text(encoding="utf-8"))


def test_one_section_per_recipe_and_device(hwsim: Hwsim) -> None:
    ended = hwsim(
        *explain("--baseline", "quantize", "--json", "o.json"),
        *("--recipe", FILTERS, "--device", INTEGERS_ONLY),
    )
    assert ended.status == 0, ended.err
    known = document()
    cells = [(each["recipe"], each["device"]) for each in known["attributions"]]
    devices = (DEVICE, INTEGERS_ONLY)
    assert cells == [(recipe, device) for device in devices for recipe in (SPARSE, FILTERS)]
    assert known["refusals"] == []
    flat = " ".join(ended.out.split())
    for each in known["attributions"]:
        assert each["verdict"] in flat
        assert each["baseline"]["recipe"] == "quantize"
        sides = each["baseline"]["latency_s"], each["result"]["latency_s"]
        assert list(each["bars_s"]) == list(CAUSES)
        assert sides[0] + sum(each["bars_s"].values()) == pytest.approx(sides[1], rel=1e-9)
        assert sum(layer["before_s"] for layer in each["layers"]) == pytest.approx(sides[0])
        assert sum(layer["after_s"] for layer in each["layers"]) == pytest.approx(sides[1])
        for layer in each["layers"]:
            total_s = layer["before_s"] + sum(layer["bars_s"].values())
            assert total_s == pytest.approx(layer["after_s"], rel=1e-9, abs=1e-18)


def test_printed_bars_add_up(hwsim: Hwsim) -> None:
    ended = hwsim(*explain())
    block = re.search(r"\] +\[%\]\n─+\n(.*?)\n\n", ended.out, re.S)
    assert block is not None
    times = [re.findall(r"[-+]?[\d,]+\.\d+(?= )", f"{line} ")[-2:] for line in block[1].split("\n")]
    changes = [float(time) for time, _ in times if time[0] in "+-"]
    assert changes
    assert float(times[0][0]) + sum(changes) == pytest.approx(float(times[-1][0]), abs=1e-9)


def test_every_file_is_written(hwsim: Hwsim) -> None:
    files = {"--json": "o.json", "--html": "o.html", "--md": "o.md", "--csv": "o.csv"}
    ended = hwsim(*explain(*(text for pair in files.items() for text in pair)))
    assert ended.status == 0, ended.err
    assert [f"wrote {path}" for path in files.values()] == ended.err.splitlines()
    verdict = document()["attributions"][0]["verdict"]
    with Path("o.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["words"] == verdict
    assert verdict.partition(":")[0] in Path("o.md").read_text(encoding="utf-8")
    assert verdict.partition(":")[0] in Path("o.html").read_text(encoding="utf-8")


def test_a_device_that_refuses_the_baseline_gets_the_recipe_without_its_zeros(hwsim: Hwsim) -> None:
    ended = hwsim(*explain("--baseline", "none", "--json", "o.json", device=INTEGERS_ONLY))
    assert ended.status == 0, ended.err
    known = document()
    assert known["baseline"] == "none"
    assert known["attributions"][0]["baseline"]["recipe"] == "quantize"
    assert [refusal["recipe"] for refusal in known["refusals"]] == ["none"]
    assert "refuses 'none', so the baseline is 'quantize'" in " ".join(ended.out.split())
    assert f"none on {INTEGERS_ONLY}: " in ended.out


BASELINES = {
    SPARSE: "quantize",
    FILTERS: "quantize",
    "fuse|prune{sparsity=0.5}|quantize{weights=4}": "fuse|quantize{weights=4}",
    "prune{sparsity=0.5}": "none",
    "quantize": "none",
    "none": "none",
    "prune{sparsity=0.5}|none": "none",
}
"""Recipes, and what each is compared with where nobody says."""


def test_a_recipe_is_compared_with_itself_without_what_makes_it_sparse() -> None:
    for recipe, baseline in BASELINES.items():
        assert own_baseline(parse(recipe)).name == baseline


def test_every_recipe_has_its_own_baseline_unless_one_is_given(hwsim: Hwsim) -> None:
    recipes = ("--recipe", "quantize", "--recipe", "prune{sparsity=0.5}")
    ended = hwsim(*explain("--json", "o.json", "--advice", "0", *recipes))
    assert ended.status == 0, ended.err
    known = document()
    assert known["baseline"] is None
    assert known["refusals"] == []
    found = {each["recipe"]: each["baseline"]["recipe"] for each in known["attributions"]}
    assert found == {SPARSE: "quantize", "quantize": "none", "prune{sparsity=0.5}": "none"}
    assert ended.out.count("Baseline 'quantize': the recipe without what makes it sparse") == 1
    # Between a recipe and its own baseline lies what zeros did: no other numbers.
    first = known["attributions"][0]
    assert first["bars_s"]["numbers"] == 0
    hwsim(*explain("--json", "o.json", "--advice", "0", "--baseline", "none", *recipes))
    assert {each["baseline"]["recipe"] for each in document()["attributions"]} == {"none"}


def test_a_cell_that_is_refused_is_shown(hwsim: Hwsim) -> None:
    ended = hwsim(
        *explain("--json", "o.json", "--device", INTEGERS_ONLY, recipe="prune{sparsity=0.5}")
    )
    assert ended.status == 0, ended.err
    known = document()
    assert [each["device"] for each in known["attributions"]] == [DEVICE]
    assert {(r["recipe"], r["device"]) for r in known["refusals"]} == {
        ("none", INTEGERS_ONLY),
        ("prune{sparsity=0.5}", INTEGERS_ONLY),
    }
    assert "quantize the model" in ended.out


def test_a_recipe_without_zeros_is_no_news_where_the_baseline_is_refused(hwsim: Hwsim) -> None:
    ended = hwsim(*explain("--json", "o.json", recipe="quantize", device=INTEGERS_ONLY))
    assert ended.status == 2
    assert "nothing to compare with, since the baseline 'none' is refused" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_each_recipe_is_compressed_once(hwsim: Hwsim, monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[str] = []
    apply: Callable[..., Any] = Recipe.apply

    def counting(self: Recipe, *arguments: Any, **named: Any) -> Any:
        applied.append(self.name)
        return apply(self, *arguments, **named)

    monkeypatch.setattr(Recipe, "apply", counting)
    ended = hwsim(*explain("--advice", "0", "--device", "rpi4_xnnpack"))
    assert ended.status == 0, ended.err
    assert applied == ["quantize", SPARSE]


def test_advice_is_priced_on_the_device(hwsim: Hwsim) -> None:
    hwsim(*explain("--json", "o.json", "--baseline", "quantize", "--advice", "2"))
    advice = document()["attributions"][0]["advice"]
    assert 0 < len(advice) <= 2
    assert all(each["accuracy"]["n"] == 20 for each in advice)
    hwsim(*explain("--json", "o.json", "--baseline", "quantize", "--advice", "0"))
    assert document()["attributions"][0]["advice"] == []


def test_a_model_that_does_not_fit_is_said_and_so_is_advice_that_fits(hwsim: Hwsim) -> None:
    hwsim(*explain("--json", "o.json"))
    (known,) = document()["attributions"]
    sizes = [each["flash_bytes"] for each in known["advice"]]
    size = known["result"]["flash_bytes"]
    assert min(sizes) < size
    # Room for the smallest that is advised, and no more.
    room = f"hardware.memories.flash.size_bytes={min(sizes)}"
    ended = hwsim(*explain("--json", "o.json", "--set", room))
    assert "Does not fit: needs " in ended.out
    (short,) = document()["attributions"]
    assert not short["result"]["fits"]
    assert any(each["fits"] for each in short["advice"])
    for each in short["advice"]:
        assert each["fits"] == (each["flash_bytes"] <= min(sizes))
    assert re.search(r" fits\n", ended.out)
    ended = hwsim(*explain("--json", "o.json", "--set", "hardware.memories.flash.size_bytes=1"))
    assert {each["fits"] for each in document()["attributions"][0]["advice"]} == {False}
    assert re.search(r" does not fit\n", ended.out)


def test_no_advice_is_slower_than_what_it_advises_on(hwsim: Hwsim) -> None:
    # EIE sees zeros among activations, so both must be priced on the same samples.
    hwsim(*explain("--json", "o.json", "--baseline", "quantize", device="eie_sim"))
    (each,) = document()["attributions"]
    assert each["advice"]
    for advice in each["advice"]:
        assert advice["latency_s"] <= 1.005 * each["result"]["latency_s"]


def test_densities_alone_are_told_where_places_of_zeros_matter(hwsim: Hwsim) -> None:
    hwsim(*explain("--json", "o.json", "--device", INTEGERS_ONLY))
    dense, walking = (each["by_density_s"] for each in document()["attributions"])
    assert dense is None
    assert walking > 0


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "device": (
        explain(device="cortex_m99"),
        "no device profile 'cortex_m99'; `hwsim devices` lists all",
    ),
    "near device": (explain(device="rpi4"), "'rpi4'; did you mean rpi4_leip, rpi4_ncnn, rpi4_"),
    "step": (explain(recipe="shrink"), "no step 'shrink'; known: "),
    "setting": (explain(recipe="prune{sparsness=0.5}"), "no setting 'sparsness'"),
    "baseline step": (explain("--baseline", "shrink"), "no step 'shrink'"),
    "baseline": (explain(recipe="none"), "--recipe 'none' is the baseline"),
    "own baseline": (
        explain("--baseline", "quantize", recipe="quantize"),
        "--recipe 'quantize' is the baseline",
    ),
    "twice": (explain("--recipe", SPARSE), "is given twice"),
    "model": (explain(model="missing.tflite"), "missing.tflite: no such file"),
    "data": (explain("--train-data", "missing.npz"), "missing.npz: no such file"),
    "shape": (
        ("explain", "float.hwsim", "--recipe", SPARSE, "--device", DEVICE, "--data", "s.npz"),
        "expects x of shape [samples, 4, 4, 3]",
    ),
    "set": (explain("--set", "hardware.klock=1"), "klock"),
    "layers": (explain("--layers", "-1"), "--layers"),
    "no recipe": (("explain", "float.hwsim", "--device", DEVICE), "--recipe"),
    "no device": (("explain", "float.hwsim", "--recipe", SPARSE), "--device"),
    "refused": (
        explain(recipe="prune{sparsity=0.5}", device=INTEGERS_ONLY),
        f"{INTEGERS_ONLY} has no f32 kernel",
    ),
    "folder": (explain("--md", "none/o.md"), "none/o.md: cannot write there"),
    "no time": (
        explain(model="idle.hwsim", recipe="quantize"),
        "idle: expected a model that takes",
    ),
    "over the model": (explain("--md", "float.hwsim"), "float.hwsim: cannot write there (it is re"),
    "one path": (explain("--md", "o.md", "--csv", "./o.md"), "o.md: expected a path for each rep"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_no_file(hwsim: Hwsim, folder: Path, mistake: str) -> None:
    np.savez("s.npz", x=np.zeros((3, 7, 7, 1), np.float32))
    idle = GraphBuilder("idle", 1, 4, 4, 3)
    save(idle.done(idle.flat("flat", "x")), Path("idle.hwsim"))
    before = sorted(folder.iterdir())
    command, told = MISTAKES[mistake]
    ended = hwsim(*command, *(() if "--md" in command else ("--json", "o.json")))
    assert ended.status == 2
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""
    assert sorted(folder.iterdir()) == before
