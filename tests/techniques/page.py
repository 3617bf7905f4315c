"""Write docs/techniques.md: every technique with what was measured of it."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Final

from tests.techniques.seeds import CLAIMS, SEEDS
from tests.techniques.table import NETWORKS, TECHNIQUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.techniques.table import Technique

DOCS: Final = Path(__file__).parents[2] / "docs"
RECORD: Final = DOCS / "techniques.json"
PAGE: Final = DOCS / "techniques.md"

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"


def page(
    before: str,
    records: Mapping[str, Mapping[str, Any]],
    claims: Mapping[str, Mapping[str, list[float]]],
) -> str:
    """Return the text of the page.

    Args:
        before: The page as it is; what stands between the marks is written anew.
        records: By technique and network, as `measure.py` writes them.
        claims: By name, as `seeds.py` writes them.
    """
    head, rest = before.split(BEGIN)
    return f"{head}{BEGIN}\n{_claimed(claims)}\n{_tables(records)}\n{END}{rest.split(END)[1]}"


def _claimed(claims: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Return the table of what five seeds say."""
    lines = [
        f"\n## Over {SEEDS} seeds of training\n",
        "| claim | network | recipe | beside | top-1 | beside | points more | file smaller |",
        "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for claim in CLAIMS:
        record = claims[claim.name]
        gains = [100 * (a - b) for a, b in zip(record["top1"], record["beside"], strict=True)]
        cells = (
            claim.name,
            claim.network,
            f"`{_plain(claim.recipe)}`",
            f"`{_plain(claim.beside)}`",
            f"{100 * mean(record['top1']):.2f} ± {100 * stdev(record['top1']):.2f}",
            f"{100 * mean(record['beside']):.2f} ± {100 * stdev(record['beside']):.2f}",
            f"{mean(gains):+.2f} ± {stdev(gains) / len(gains) ** 0.5:.2f}",
            f"{mean(record['ratio']):.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(
        "\n± is the standard deviation over seeds; of differences, taken seed by seed, the "
        "standard error of their mean."
    )
    return "\n".join(lines)


def _plain(spec: str) -> str:
    """Return a recipe's text as people write it in a table."""
    return spec.replace("{{", "{").replace("}}", "}").replace("|", "\\|")


def _tables(records: Mapping[str, Mapping[str, Any]]) -> str:
    parts: list[str] = []
    for family, techniques in groupby(TECHNIQUES, key=lambda technique: technique.family):
        parts.append(f"\n## {family}\n")
        parts.append(
            "| technique | where | source | network | recipe | bytes | MACs [k] | top-1 [%] "
            "| LiteRT | ORT |\n|---|---|---|---|---|---:|---:|---:|---|---|"
        )
        for technique in techniques:
            parts += _rows(technique, records[technique.name])
    return "\n".join(parts) + "\n"


def _rows(technique: Technique, records: Mapping[str, Any]) -> list[str]:
    rows: list[str] = []
    for name in NETWORKS:
        if name not in technique.networks:
            continue
        record = records[name]
        head = (
            (technique.name, f"`{technique.room}`", technique.paper) if not rows else ("", "", "")
        )
        if technique.note and not rows:
            head = (f"{technique.name} ({technique.note})", *head[1:])
        rows.append(f"| {' | '.join((*head, name, _spec(record), *_figures(record)))} |")
    return rows


def _spec(record: Mapping[str, Any]) -> str:
    return f"`{_plain(record['recipe'])}`"


def _figures(record: Mapping[str, Any]) -> list[str]:
    if "refused" in record:
        return ["-", "-", f"refused: {record['refused'].replace('|', chr(92) + '|')}", "", ""]
    before, after = record["before"], record["after"]
    sizes = [f"{after['constants_bytes']:,}"]
    work = [f"{after['macs_effective'] / 1e3:,.0f}"]
    right = [f"{100 * after['top1']:.1f}"]
    if before is not None:
        sizes.insert(0, f"{before['constants_bytes']:,}")
        work.insert(0, f"{before['macs_effective'] / 1e3:,.0f}")
        right.insert(0, f"{100 * before['top1']:.1f}")
    runtimes = record["runtimes"]
    agreed = [
        "no" if said.startswith("refused") else said
        for said in (runtimes["litert-ref"], runtimes["onnxruntime"])
    ]
    return [" → ".join(sizes), " → ".join(work), " → ".join(right), *agreed]


def claimed() -> dict[str, dict[str, list[float]]]:
    """Return what five seeds say, by claim."""
    return json.loads((DOCS / "claims.json").read_text(encoding="utf-8"))


def recorded() -> dict[str, dict[str, Any]]:
    """Return what was measured, by technique and network."""
    return json.loads(RECORD.read_text(encoding="utf-8"))
