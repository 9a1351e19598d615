"""What the page tells of a recording: facts, statistics, and a row for each interaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.cli.loading import details_of
from llm_devops_mongodb.cli.outline import Outline, start_of
from llm_devops_mongodb.cli.plain_text import as_utc, duration_text, moment_text, plain, plain_lines
from llm_devops_mongodb.cli.show import sections_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Self

    from llm_devops_mongodb.simulation.cassette import Interaction, Recording

_MOST_LETTERS = 20_000
_NO_NAMESPACE = "(none)"


@dataclass(frozen=True, slots=True)
class Share:
    """What one namespace, operation or kind has of a recording.

    Attributes:
        name: Its name.
        count: How many interactions.
        errors: How many of them failed.
        total: How long they took together, as text.
        median: How long the one in the middle took, as text.
        slowest: How long the slowest took, as text.
        percent: Its part of the time of all.
    """

    name: str
    count: int
    errors: int
    total: str
    median: str
    slowest: str
    percent: float


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows.

    Attributes:
        title: The file's name.
        facts: How the recording was made, as names and texts.
        tables: Shares by namespace, operation and kind.
        data: A row for each interaction, for the page's script.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    tables: Sequence[tuple[str, Sequence[Share]]]
    data: dict[str, Any]

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Collect it."""
        start = start_of(recording)
        rows: list[dict[str, Any]] = []
        outlines: list[Outline] = []
        for interaction in recording.interactions:
            outline, row = _row(interaction, recording.path or Path(), start)
            outlines.append(outline)
            rows.append(row)
        tables = [
            ("namespace", _shares(outlines, lambda outline: outline.namespace or _NO_NAMESPACE)),
            ("kind", _shares(outlines, lambda outline: outline.kind)),
            ("operation", _shares(outlines, lambda outline: outline.operation)),
        ]
        title = plain(recording.path.name) if recording.path is not None else "recording"
        return cls(title, _facts(recording, outlines, rows), tables, {"rows": rows, "none": _NO_NAMESPACE})


def _row(interaction: Interaction, path: Path, start: datetime) -> tuple[Outline, dict[str, Any]]:
    details = details_of(interaction, path)
    outline = Outline.of(interaction, details, start)
    ends = [(as_utc(part.at) - start + part.took).total_seconds() for part in interaction.parts]
    return outline, {
        "number": outline.number,
        "since": outline.since_start,
        "took": outline.took,
        "until": max([outline.since_start + outline.took, *ends]),
        "operation": outline.operation,
        "kind": outline.kind,
        "namespace": outline.namespace or _NO_NAMESPACE,
        "client": outline.client,
        "session": outline.session,
        "transaction": outline.transaction,
        "place": outline.place,
        "duration": duration_text(outline.took),
        "result": outline.result,
        "error": outline.error,
        "line": interaction.line,
        "fingerprint": plain(interaction.fingerprint),
        "sections": [[title, _cut(plain_lines(text))] for title, text in sections_of(interaction, details)],
    }


def _cut(text: str) -> str:
    if len(text) <= _MOST_LETTERS:
        return text
    return (
        f"{text[:_MOST_LETTERS]}\n… {len(text) - _MOST_LETTERS:,} characters more: `recordings show --number` tells all"
    )


def _shares(outlines: Sequence[Outline], name: Callable[[Outline], str]) -> list[Share]:
    groups: dict[str, list[Outline]] = defaultdict(list)
    for outline in outlines:
        groups[name(outline)].append(outline)
    whole = sum(outline.took for outline in outlines) or 1.0
    by_time = sorted(groups.items(), key=lambda group: -sum(outline.took for outline in group[1]))
    return [_share(name, group, whole) for name, group in by_time]


def _share(name: str, group: Sequence[Outline], whole: float) -> Share:
    times = [outline.took for outline in group]
    return Share(
        name=name,
        count=len(group),
        errors=sum(bool(outline.error) for outline in group),
        total=duration_text(sum(times)),
        median=duration_text(median(times)),
        slowest=duration_text(max(times)),
        percent=round(100 * sum(times) / whole, 1),
    )


def _facts(recording: Recording, outlines: Sequence[Outline], rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    header = recording.header
    sessions = {(outline.client, outline.session) for outline in outlines if outline.session is not None}
    return [
        ("recorded", moment_text(header.recorded_at)),
        ("interactions", f"{len(outlines):,}"),
        ("errors", f"{sum(bool(outline.error) for outline in outlines):,}"),
        ("took", duration_text(max((row["until"] for row in rows), default=0.0))),
        ("clients", f"{len({outline.client for outline in outlines}):,}"),
        ("sessions", f"{len(sessions):,}"),
        ("server", plain(header.server_version or "not told")),
        ("library", plain(header.library_version or "not told")),
        ("driver", plain(f"PyMongo {header.driver_version}" if header.driver_version else "not told")),
        ("state", "finished" if recording.is_finished else "not finished: its process was killed, or still records"),
        ("format", f"version {header.format_version}"),
        ("fields replaced", plain(", ".join(header.redacted_fields) or "none")),
    ]
