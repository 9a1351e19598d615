"""What a program makes anew each time it runs, bound to what it made when it was recorded.

An ObjectId stands for a recorded one where each was made by its own program and the recorded one appears first in the
request that is matched. A date stands for another where each lies within a minute of its own clock. A secret stands
for the placeholder that was written for one. From then on they are the same: requests are matched so, and in the
answers the program gets back its own.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from bson import ObjectId

from llm_devops_mongodb.simulation.canonical import Free

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOW = timedelta(minutes=1)
"""How far from the clock a date may be that counts as now."""

_DATE_BYTES = 8
_HIGH_DATE_BYTES = 4
"""The bytes of a date in milliseconds that change only every 50 days or so."""


class Bindings:
    """Pairs of values of this run and of the recording.

    Args:
        recorded_process: What the ObjectIds of the recording process have in common.
        process: What the ObjectIds of this process have in common.
    """

    def __init__(self, recorded_process: bytes, process: bytes) -> None:
        self._recorded_process = recorded_process
        self._process = process
        self._recorded: dict[Free, Free] = {}
        self._live: dict[Free, Free] = {}
        self._ids = re.compile(b"(?s)(?=(.{4}" + re.escape(recorded_process) + b".{3}))")
        self._digits = re.compile(b"[0-9a-f]{8}" + recorded_process.hex().encode() + b"[0-9a-f]{6}")
        self._dates: re.Pattern[bytes] | None = None
        self._high_dates: set[bytes] = set()

    def is_made(self, id: bytes) -> bool:
        """Tell whether an ObjectId was made by this process, or by the one that recorded."""
        return id[4:9] in (self._process, self._recorded_process)

    def recorded(self, values: Iterable[Free]) -> tuple[Free, ...]:
        """Return values of this run as the recorded ones they are bound to, others as they are."""
        return tuple(self._recorded.get(value, value) for value in values)

    def may_bind(
        self,
        live: Sequence[Free],
        recorded: Sequence[Free],
        *,
        introduces: Iterable[str],
        clocks: tuple[float, float],
        again: bool = False,
    ) -> bool:
        """Tell whether values of this run may stand for recorded ones, each for that in its place.

        Args:
            live: The values of this run.
            recorded: The values of a recorded request.
            introduces: The ObjectIds that appear first in that request, in hexadecimal.
            clocks: The time now and the time when it was recorded, in milliseconds.
            again: The request was matched before: what is bound may be bound anew.
        """
        fresh = frozenset(introduces)
        return len(live) == len(recorded) and all(
            self._may_stand(mine, theirs, fresh, clocks, again=again)
            for mine, theirs in zip(live, recorded, strict=True)
        )

    def _may_stand(
        self, mine: Free, theirs: Free, fresh: frozenset[str], clocks: tuple[float, float], *, again: bool
    ) -> bool:
        if mine.kind != theirs.kind:
            return False
        if mine == theirs or self._recorded.get(mine) == theirs:
            return True
        if mine.kind == "date":
            window = NOW.total_seconds() * 1000
            return bool(abs(mine.value - clocks[0]) <= window and abs(theirs.value - clocks[1]) <= window)
        if mine in self._recorded or (theirs in self._live and not again):
            return False
        if mine.kind == "secret":
            return bool(mine.value[0] == theirs.value[0])
        return bool(mine.value[4:9] == self._process and theirs.value.hex() in fresh)

    def bind(self, live: Sequence[Free], recorded: Sequence[Free]) -> None:
        """Have values of this run stand for recorded ones from now on."""
        for mine, theirs in zip(live, recorded, strict=True):
            if mine != theirs and self._recorded.get(mine) != theirs:
                self._recorded[mine] = theirs
                self._live[theirs] = mine
                if mine.kind == "date":
                    self._know_date(theirs.value)

    def _know_date(self, value: int) -> None:
        """Have `live` look for dates that begin as this one does."""
        high = value.to_bytes(_DATE_BYTES, "little", signed=True)[-_HIGH_DATE_BYTES:]
        if high not in self._high_dates:
            self._high_dates.add(high)
            ends = b"|".join(map(re.escape, self._high_dates))
            self._dates = re.compile(b"(?s)(?=(.{%d}(?:%b)))" % (_DATE_BYTES - _HIGH_DATE_BYTES, ends))

    def live(self, raw: bytes) -> bytes:
        """Return BSON of the recording with the values of this run in it: they have the same length."""
        if not self._live:
            return raw
        found: dict[int, bytes] = {}
        for match in self._ids.finditer(raw):
            if (mine := self._live.get(_free_id(match[1]))) is not None:
                found[match.start()] = mine.value
        for match in self._digits.finditer(raw):
            if (mine := self._live.get(_free_id(bytes.fromhex(match[0].decode())))) is not None:
                found[match.start()] = mine.value.hex().encode()
        if self._dates is not None:
            for match in self._dates.finditer(raw):
                if (mine := self._live.get(_free_date(match[1]))) is not None:
                    found[match.start()] = mine.value.to_bytes(_DATE_BYTES, "little", signed=True)
        return _patched(raw, found) if found else raw


def _patched(raw: bytes, found: dict[int, bytes]) -> bytes:
    changed = bytearray(raw)
    for start, value in found.items():
        changed[start : start + len(value)] = value
    return bytes(changed)


def _free_id(value: bytes) -> Free:
    return Free("id", value)


def _free_date(value: bytes) -> Free:
    return Free("date", int.from_bytes(value, "little", signed=True))


def process_of(id: bytes) -> bytes:
    """Return what the ObjectIds made by one process have in common: five random bytes after the time."""
    return id[4:9]


def this_process() -> bytes:
    """Return what the ObjectIds made by this process have in common."""
    return process_of(ObjectId().binary)
