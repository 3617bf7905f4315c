"""Colours of the page are told apart by colour-blind readers, and stand out from the ground."""

import itertools
import json
import math
import re
from collections.abc import Sequence

import pytest

from reports.page.document import script

# Machado, Oliveira and Fernandes 2009, table 1: severity 1.0, on linear RGB.
SEEN = {
    "all": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
GROUND = {"light": "#ffffff", "dark": "#172029"}
LEAST_APART = 14.0
"""Of CIE 1976 colour difference; about 2 is just noticeable, side by side."""
LEAST_CONTRAST = {"light": 2.1, "dark": 3.0}
"""Okabe and Ito's orange and sky blue have 2.2 on white; marks have shapes and lines dashes too."""


def colours() -> dict[str, list[str]]:
    found = re.search(r"const COLOURS = \{\n(.*?)\n\};", script("core"), re.S)
    assert found is not None
    lines = [line.strip().rstrip(",").split(": ", 1) for line in found[1].splitlines()]
    return {name: json.loads(text) for name, text in lines}


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def lab(rgb: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    a, b, c = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", GROUND)
@pytest.mark.parametrize("eyes", SEEN)
def test_no_two_colours_look_alike(theme: str, eyes: str) -> None:
    rows = SEEN[eyes]
    seen = {
        colour: lab([sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in rows])
        for colour in colours()[theme]
    }
    for one, other in itertools.combinations(seen, 2):
        assert math.dist(seen[one], seen[other]) >= LEAST_APART, (one, other)


@pytest.mark.parametrize("theme", GROUND)
def test_colours_stand_out(theme: str) -> None:
    ground = luminance(GROUND[theme])
    for colour in colours()[theme]:
        ends = sorted((ground, luminance(colour)))
        assert (ends[1] + 0.05) / (ends[0] + 0.05) >= LEAST_CONTRAST[theme], colour
