"""Measuring side by side: cases, the entrants of a case, interleaved rounds, medians.

Every entrant of a case is measured in every round, in the same process and against the same server. Every round starts
with another entrant and every other round runs backwards, so that neither a machine that grows slower nor what a
neighbour leaves behind weighs on one more than on another. One round before the first is
thrown away. The garbage collector stays as Python has it; one collection before each measurement keeps an entrant
from paying for the one before.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

REFERENCE = "pymongo"

R = TypeVar("R")

Measure = Callable[[], Awaitable[float]]


class WrongResultError(Exception):
    """An entrant did something else than was asked, so its figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Arena:
    """Where the entrants meet, and how much each is asked to do.

    Attributes:
        uri: The server of every entrant.
        database: A database that belongs to this run and goes with it.
        documents: How many documents are read and inserted at once.
        streamed: How many documents are streamed.
        inserted: How many documents are inserted in chunks.
        paged: How many documents are paged through.
    """

    uri: str
    database: str
    documents: int = 20_000
    streamed: int = 200_000
    inserted: int = 1_000_000
    paged: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """One who can be measured.

    Attributes:
        name: Whom the report names.
        measure: Does the work once, checks what came of it and returns the figure in the case's unit.
        row: The report's row that this entrant heads; given to our own entrants only.
        target: The most the row's ratio may be, or None where nothing is promised.
    """

    name: str
    measure: Measure
    row: str | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """One who cannot be measured here, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to measure.

    Attributes:
        name: What `--case` calls it.
        unit: The unit of its figures; less is better.
        entrants: Opens everyone who takes part, and closes them after the last round.
        turns: How often a round asks each entrant in turn; the median is its figure of the round. More than one
            suits short measurements: a pause of the machine then hits a turn, not an entrant.
        reference: Whose figure ours is divided by.
    """

    name: str
    unit: str
    entrants: Callable[[Arena], AbstractAsyncContextManager[Sequence[Entrant | Absent]]]
    turns: int = 1
    reference: str = REFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Our figure for one case beside everyone else's: medians, None for who was absent.

    Attributes:
        reference: Whose figure ours is divided by.
        ratio: Ours to the reference's.
        spread: Half the interquartile range of the ratio over the rounds: how far to trust the ratio.
        absent: Why someone was absent, by name.
    """

    case: str
    unit: str
    ours: float
    peers: Mapping[str, float | None]
    reference: str
    ratio: float | None
    target: float | None
    rounds: int
    spread: float | None
    absent: Mapping[str, str]


async def run_case(case: Case, arena: Arena, *, rounds: int, on_round: Callable[[int], None]) -> list[Row]:
    """Measures everyone who takes part in the case.

    Args:
        case: What to measure.
        arena: Where.
        rounds: How many figures each median is taken of.
        on_round: Told the number of each round as it starts; 0 is the one thrown away.

    Returns:
        One row for each of our own entrants.

    Raises:
        WrongResultError: An entrant returned or stored something else than the case's documents.
    """
    async with case.entrants(arena) as everyone:
        present = [each for each in everyone if isinstance(each, Entrant)]
        absent = [each for each in everyone if isinstance(each, Absent)]
        figures: list[list[float]] = [[] for _ in present]
        for number in range(rounds + 1):
            on_round(number)
            of_round = await _round(present, turns=case.turns, number=number)
            if number:
                for kept, figure in zip(figures, of_round, strict=True):
                    kept.append(figure)
    return _rows(case, list(zip(present, figures, strict=True)), absent, rounds=rounds)


async def _round(entrants: Sequence[Entrant], *, turns: int, number: int) -> list[float]:
    figures: list[list[float]] = [[] for _ in entrants]
    gc.collect()
    for turn in range(turns):
        for index in _order(len(entrants), number + turn):
            figures[index].append(await entrants[index].measure())
    return [median(each) for each in figures]


def _order(count: int, number: int) -> list[int]:
    rotated = [(number + turn) % count for turn in range(count)]
    return rotated[::-1] if number % 2 else rotated


def _rows(
    case: Case, measured: Sequence[tuple[Entrant, list[float]]], absent: Sequence[Absent], *, rounds: int
) -> list[Row]:
    by_peer = {entrant.name: figures for entrant, figures in measured if entrant.row is None}
    peers: dict[str, float | None] = {name: median(figures) for name, figures in by_peer.items()}
    peers |= {each.name: None for each in absent}
    return [
        Row(
            case=entrant.row,
            unit=case.unit,
            ours=median(figures),
            peers=peers,
            reference=case.reference,
            ratio=_ratio(figures, by_peer.get(case.reference)),
            target=entrant.target,
            rounds=rounds,
            spread=_spread(figures, by_peer.get(case.reference)),
            absent={each.name: each.reason for each in absent},
        )
        for entrant, figures in measured
        if entrant.row is not None
    ]


def _ratio(ours: Sequence[float], theirs: Sequence[float] | None) -> float | None:
    return median(ours) / median(theirs) if theirs else None


def _spread(ours: Sequence[float], theirs: Sequence[float] | None) -> float | None:
    if not theirs or len(ours) < 2:
        return None
    lower, _, upper = quantiles([mine / other for mine, other in zip(ours, theirs, strict=True)], n=4)
    return (upper - lower) / 2


def timed(
    action: Callable[[Any], Awaitable[R]],
    *,
    check: Callable[[R], Awaitable[None]],
    prepare: Callable[[], Awaitable[Any]],
    scale: float,
) -> Measure:
    """What an entrant's `measure` is made of where the figure is the time an action takes.

    Args:
        action: The work, given what was prepared. Only this is timed.
        check: Raises `WrongResultError` unless the action's result is right.
        prepare: Makes ready what the action needs.
        scale: What a second is multiplied by: 1000 for milliseconds, 1e6 / n for microseconds of one of n.
    """

    async def measure() -> float:
        given = await prepare()
        gc.collect()
        started = perf_counter()
        result = await action(given)
        elapsed = perf_counter() - started
        await check(result)
        return elapsed * scale

    return measure


async def nothing() -> None:
    """What `timed` prepares for an action that needs nothing."""
