"""The rows as a table to read and as a file to keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.harness import REFERENCE, Row
from benchmarks.peers import PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ABSENT = "-"
KEPT = ("case", "unit", "ours", "peers", "reference", "ratio", "target", "rounds")


def table(rows: Sequence[Row]) -> Table:
    """Everyone's median beside ours; a peer's figure is followed by how many times ours it is."""
    others = [name for name in PEERS if name != REFERENCE]
    drawn = Table(title="Medians; less is better", caption="\n".join(_remarks(rows)), caption_justify="left")
    drawn.add_column("case")
    for heading in ("unit", "ours", "reference", "ours ÷ reference", "target", *others):
        drawn.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        cells = [_peer(row, name) for name in others]
        drawn.add_row(row.case, row.unit, _figure(row.ours), _reference(row), _ratio(row), _target(row), *cells)
    return drawn


def write(rows: Sequence[Row], path: Path) -> None:
    """Writes the rows as a JSON list; whoever was absent is null."""
    kept: list[dict[str, Any]] = [{name: getattr(row, name) for name in KEPT} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def _figure(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _reference(row: Row) -> str:
    """The reference's figure, and its name unless it is PyMongo's."""
    figure = _figure(row.peers.get(row.reference))
    return figure if row.reference == REFERENCE else f"{row.reference} {figure}"


def _peer(row: Row, name: str) -> str:
    value = row.peers.get(name)
    return ABSENT if value is None else f"{_figure(value)} ({value / row.ours:.1f}x)"


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ABSENT
    return f"{row.ratio:.2f}" + ("" if row.spread is None else f" ± {row.spread:.2f}")


def _target(row: Row) -> str:
    if row.target is None or row.ratio is None:
        return ""
    return f"≤ {row.target:.2f} " + ("[green]met[/]" if row.ratio <= row.target else "[red]missed[/]")


def _remarks(rows: Sequence[Row]) -> list[str]:
    absent = {f"{row.case.split()[0]}: {name} is absent ({why})" for row in rows for name, why in row.absent.items()}
    return [
        f"The reference is {REFERENCE} unless another is named.",
        "± is half the interquartile range of the ratio over the rounds; nx is a peer's figure over ours.",
        *sorted(absent),
    ]
