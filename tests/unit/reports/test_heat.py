from dataclasses import replace

from reports.heat import heat_of
from tests.comparisons import BASELINE, DEVICES, HOSTILE, KWS, PRUNED, comparison, result


def test_recipes_down_devices_across() -> None:
    heat = heat_of(comparison(), KWS)
    assert heat is not None
    assert [row.recipe for row in heat.rows][:2] == [BASELINE, PRUNED]
    assert [cell.text for cell in heat.rows[0].cells] == ["1.00x"] * 3
    assert heat.rows[1].promise == "5.16x"
    assert [cell.text for cell in heat.rows[1].cells] == ["1.00x", "1.49x", "1.00x"]


def test_only_what_differs_is_shaded() -> None:
    heat = heat_of(comparison(), KWS)
    assert heat is not None
    assert [cell.shade for cell in heat.rows[1].cells] == [0.0, 1.0, 0.0]


def test_a_refusal_has_its_cell() -> None:
    heat = heat_of(comparison(), HOSTILE)
    assert heat is not None
    assert heat.rows[2].cells[2].text == "refused"


def test_one_recipe_is_no_comparison() -> None:
    alone = (result(DEVICES[0], BASELINE, KWS, 1, None),)
    assert heat_of(replace(comparison(), results=alone, refusals=()), KWS) is None
    assert heat_of(comparison(None), KWS) is None
