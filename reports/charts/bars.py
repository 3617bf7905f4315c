"""Draw one figure per recipe and device: latency, energy, and memory as a share of capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.charts.figure import (
    ALERT,
    INK,
    MUTED,
    NAME,
    colours,
    identity,
    layout,
    log_axis,
    plain,
)
from reports.labels import device_label, recipes, short_recipes, shorten
from reports.units import BYTES, JOULES, SECONDS, unit_for, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.records import Comparison, Result
    from reports.charts.figure import Figure
    from reports.units import Ladder


def latency(comparison: Comparison) -> Figure:
    """Return latency per recipe and device, with its interval."""
    return _bars(comparison, lambda result: result.latency_s, SECONDS, "latency", _interval)


def energy(comparison: Comparison) -> Figure:
    """Return energy per recipe and device."""
    return _bars(comparison, lambda result: result.energy_j, JOULES, "energy", None)


def ram(comparison: Comparison) -> Figure:
    """Return peak RAM as a share of what the device has."""
    return _shares(
        comparison,
        "RAM",
        lambda result: result.peak_ram_bytes,
        lambda result: result.estimate.footprint.ram_capacity_bytes,
    )


def flash(comparison: Comparison) -> Figure:
    """Return flash as a share of what the device has."""
    return _shares(
        comparison,
        "flash",
        lambda result: result.flash_bytes,
        lambda result: result.estimate.footprint.flash_capacity_bytes,
    )


def _bars(
    comparison: Comparison,
    value: Callable[[Result], float],
    ladder: Ladder,
    title: str,
    spread: Callable[[Result], tuple[float, float]] | None,
) -> Figure:
    unit = unit_for([value(result) for result in comparison.results], ladder)
    heights = [value(result) / unit.base for result in comparison.results]
    data = _groups(
        comparison,
        lambda result: value(result) / unit.base,
        lambda result: with_unit(value(result), ladder),
    )
    if spread is not None:
        for bar, results in zip(data, _by_recipe(comparison), strict=True):
            below, above = zip(*(spread(result) for result in results), strict=True)
            bar["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": [each / unit.base for each in above],
                "arrayminus": [each / unit.base for each in below],
                "color": INK,
                "thickness": 1.2,
                "width": 3,
            }
        heights += [
            end / unit.base
            for result in comparison.results
            for end in (result.estimate.latency_low_s, result.estimate.latency_high_s)
        ]
    drawn = _grouped_layout(comparison)
    drawn["xaxis"] = log_axis(f"{title} [{unit.symbol}]", heights)
    return {"data": data, "layout": drawn}


def _shares(
    comparison: Comparison,
    title: str,
    need: Callable[[Result], int],
    room: Callable[[Result], int],
) -> Figure:
    def share(result: Result) -> float:
        return 100 * need(result) / room(result) if room(result) else 0.0

    data = _groups(
        comparison,
        share,
        lambda result: (
            f"{with_unit(need(result), BYTES)} of {with_unit(room(result), BYTES)}"
            + (", shared with the other" if result.estimate.footprint.is_shared else "")
        ),
    )
    drawn = _grouped_layout(comparison)
    drawn["xaxis"] = log_axis(f"{title} [% of capacity]", [100.0, *map(share, comparison.results)])
    full = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 100, "x1": 100}
    drawn["shapes"] = [full | {"line": {"color": ALERT, "width": 1.5, "dash": "dash"}}]
    return {"data": data, "layout": drawn}


def _by_recipe(comparison: Comparison) -> list[list[Result]]:
    return [
        [result for result in comparison.results if result.recipe == recipe]
        for recipe in recipes(comparison)
    ]


def _groups(
    comparison: Comparison, height: Callable[[Result], float], words: Callable[[Result], str]
) -> list[dict[str, object]]:
    """Return one trace per recipe; bars stand in groups per model and device."""
    names = recipes(comparison)
    palette, short = colours(names), short_recipes(comparison)
    groups = _places(comparison)
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": plain(short[recipe]),
            "y": [groups.index(_place(result)) for result in results],
            "x": [height(result) for result in results],
            "text": [f"{identity(result)}<br>{words(result)}" for result in results],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": palette[recipe]},
        }
        for recipe, results in zip(names, _by_recipe(comparison), strict=True)
    ]


def _interval(result: Result) -> tuple[float, float]:
    estimate = result.estimate
    return (
        max(0.0, result.latency_s - estimate.latency_low_s),
        max(0.0, estimate.latency_high_s - result.latency_s),
    )


def _grouped_layout(comparison: Comparison) -> Figure:
    places = _places(comparison)
    is_many = len({model for model, _ in places}) > 1
    # Numbers with labels, because two names may be shortened to the same text.
    axis = {
        "tickvals": list(range(len(places))),
        "ticktext": [_label(model if is_many else "", device) for model, device in places],
        "autorange": "reversed",
        "automargin": True,
        "zeroline": False,
        "showgrid": False,
    }
    bars = len(recipes(comparison))
    height = 130 + len(places) * max(44, 15 * bars + 14)
    return layout(height) | {"barmode": "group", "bargap": 0.25, "yaxis": axis}


def _places(comparison: Comparison) -> list[tuple[str, str]]:
    """Return each model and device that has a result, those of a model together."""
    models = list(dict.fromkeys(result.model for result in comparison.results))
    places = dict.fromkeys(map(_place, comparison.results))
    return sorted(places, key=lambda place: models.index(place[0]))


def _place(result: Result) -> tuple[str, str]:
    return result.model, device_label(result)


def _label(model: str, device: str) -> str:
    lines = [plain(shorten(part, NAME)) for part in device.split(" [", 1)]
    label = "<br>[".join(lines)
    small = f'<br><span style="color:{MUTED}">{plain(shorten(model, NAME))}</span>'
    return label + (small if model else "")
