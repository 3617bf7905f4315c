"""The table of docs/evidence.md, from what profiles store: `python -m tests.evidence_page`."""

from __future__ import annotations

from pathlib import Path

from hwsim.profile import Evidence, device, known_devices

PAGE = Path(__file__).parents[1] / "docs" / "evidence.md"
_OPEN, _CLOSE = "<!-- evidence -->\n", "<!-- /evidence -->"
_HEAD = (
    "| profile | n | left out | held out | median | <10 / <20 % | rank | board | 1 network | "
    "in sample | MACs | roofline |\n" + "|---" * 12 + "|\n"
)


def table() -> str:
    """Return the table, one line per profile that has evidence."""
    lines: list[str] = []
    for name in known_devices():
        evidence = device(name).evidence
        if evidence is not None:
            lines.append(_line(name, evidence))
    return _HEAD + "".join(lines)


def _line(name: str, evidence: Evidence) -> str:
    cells = (
        f"`{name}`",
        str(evidence.n),
        evidence.left_out,
        _share(evidence.held_out_mape),
        _share(evidence.held_out_median),
        f"{evidence.within_10:.0%} / {evidence.within_20:.0%}",
        "-" if evidence.spearman is None else f"{evidence.spearman:.3f}",
        _share(evidence.board_mape),
        _share(evidence.anchored_mape),
        _share(evidence.in_sample_mape),
        _share(evidence.macs_mape),
        _share(evidence.roofline_mape),
    )
    return f"| {' | '.join(cells)} |\n"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def page() -> str:
    """Return the page with the table as it must be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_OPEN)
    return before + _OPEN + table() + _CLOSE + rest.partition(_CLOSE)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
