"""What a client's driver publishes, kept in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_CHECK_OUTS = ("connectionCheckOut", "connectionChecked")


@dataclass(frozen=True, slots=True)
class Observed:
    """One event.

    Attributes:
        name: As the format names it, such as `commandStartedEvent`.
        group: `command`, `cmap` or `sdam`.
        fields: What a test may assert of it.
    """

    name: str
    group: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        command = self.fields.get("commandName")
        return self.name if command is None else f"{self.name}:{command}"


class EventRecorder:
    """Keeps the events that a test wants to see.

    Args:
        observed: The names of the events to keep.
        ignored: The commands whose events to leave out.
        with_sensitive: Keep the events of commands that hold secrets too; the driver has taken the secrets out.
        stores: Lists by the event's name to which to add each such event as a document.

    Attributes:
        events: What was kept, in order.
        checked_out: How many connections are in use.
        ready: How many connections were made.
        changed: Set at every event.
    """

    def __init__(
        self,
        observed: Iterable[str] = (),
        *,
        ignored: Iterable[str] = (),
        with_sensitive: bool = False,
        stores: Mapping[str, list[Any]] | None = None,
    ) -> None:
        self._observed = frozenset(observed)
        self._stores = stores or {}
        self._is_on = True
        self.ignored = frozenset(ignored)
        self.with_sensitive = with_sensitive
        self.events: list[Observed] = []
        self.checked_out = 0
        self.ready = 0
        self.changed = asyncio.Event()

    def wants(self, name: str) -> bool:
        """Tell whether events of that name are kept; making one ready costs time."""
        return self._is_on and (name in self._observed or name in self._stores)

    def keep(self, event: Observed) -> None:
        """Take note of an event."""
        if self._is_on and event.name in self._observed:
            self.events.append(event)
        if self._is_on and (store := self._stores.get(event.name)) is not None:
            name = event.name[0].upper() + event.name[1:]
            store.append({**event.fields, "name": name, "observedAt": time.time()})
        self.changed.set()

    def forget_connecting(self) -> None:
        """Drop what `connect` itself asked of the deployment: other drivers' clients connect without a command."""
        self.events = [
            event for event in self.events if event.group != "command" and not event.name.startswith(_CHECK_OUTS)
        ]

    def stop(self) -> None:
        """Keep nothing from now on."""
        self._is_on = False
