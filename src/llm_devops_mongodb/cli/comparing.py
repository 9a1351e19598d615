"""Values of two recordings compared: generated ids by their part in the recording, and dates not at all."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from bson import DatetimeMS, ObjectId, Timestamp

from llm_devops_mongodb.cli.plain_text import plain
from llm_devops_mongodb.cli.shell_text import shell_text
from llm_devops_mongodb.validation.values import is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_devops_mongodb.cli.loading import Details
    from llm_devops_mongodb.simulation.cassette import Interaction

_HEX_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
_SERVERS_OWN = frozenset(
    {
        "$clusterTime", "operationTime", "localTime", "latency", "pool", "clusterTime", "wallTime", "lsid",
        "executionTimeMillis", "executionTimeMillisEstimate", "optimizationTimeMillis", "serverInfo",
    }
)  # fmt: skip
"""What a server tells of its clock, its connections and itself, in replies that are its own and not documents."""

_OF_THE_SERVER = frozenset({"run_command", "explain", "check_health", "watch", "start_transaction", "identify_session"})
_IDS_OF_EVENTS = "_id"
_MOST_LETTERS = 60


class Change(NamedTuple):
    """A value that differs.

    Attributes:
        path: Where it is, such as `reply.document.total`.
        before: What it was, as text.
        after: What it is, as text.
    """

    path: str
    before: str
    after: str


class GeneratedIds:
    """The ObjectIds that a recorded process made, by the order in which they appeared.

    Args:
        interactions: The recording's.
    """

    def __init__(self, interactions: Iterable[Interaction]) -> None:
        made = (digits for interaction in interactions for digits in interaction.introduces)
        self._numbers = {digits: number for number, digits in enumerate(dict.fromkeys(made), 1)}

    def replaced(self, value: Any) -> Any:
        """Return the value with its numbers in the place of the ids."""
        if is_mapping(value):
            return {self._in_text(name): self.replaced(member) for name, member in value.items()}
        if is_array(value):
            return [self.replaced(member) for member in value]
        if isinstance(value, ObjectId) and str(value) in self._numbers:
            return self._in_text(str(value))
        return self._in_text(value) if type(value) is str else value

    def _in_text(self, text: str) -> str:
        return _HEX_ID.sub(self._named, text)

    def _named(self, found: re.Match[str]) -> str:
        number = self._numbers.get(found[0])
        return found[0] if number is None else f"generated id {number}"


def compared(interaction: Interaction, details: Details, ids: GeneratedIds) -> dict[str, Any]:
    """Return what counts when an interaction is compared: what was asked, and what came of it."""
    stream = [document for part in details.parts for document in part.documents or ()]
    errors = [part.error for part in details.parts if part.error is not None]
    found: dict[str, Any] = {
        "request": details.request,
        "reply": details.reply,
        "error": details.error,
        "documents": stream,
        "stream": [*errors, *(part.part.end for part in details.parts if part.part.end)],
        "cancelled": interaction.is_cancelled,
        "in_transaction": interaction.transaction is not None,
    }
    if interaction.operation in _OF_THE_SERVER:
        found = _without_servers_own(found)
        if interaction.operation == "watch":
            found["documents"] = [_without(event, _IDS_OF_EVENTS) for event in found["documents"]]
    return {name: ids.replaced(value) for name, value in found.items()}


def changes(before: Any, after: Any, *, dates: bool, path: str = "") -> Iterator[Change]:
    """Yield what differs between two values.

    Args:
        before: The one.
        after: The other.
        dates: Whether dates of other times differ.
        path: Where they are.
    """
    if is_mapping(before) and is_mapping(after):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{path}.{plain(name)}" if path else plain(name)
            yield from changes(before.get(name, _MISSING), after.get(name, _MISSING), dates=dates, path=inner)
    elif is_array(before) and is_array(after):
        for number, (one, other) in enumerate(zip_longest(before, after, fillvalue=_MISSING)):
            yield from changes(one, other, dates=dates, path=f"{path}.{number}")
    elif not _is_same(before, after, dates=dates):
        yield Change(path, _text(before), _text(after))


class _Missing:
    """Nothing is there."""


_MISSING = _Missing()


def _is_same(before: Any, after: Any, *, dates: bool) -> bool:
    if type(before) is not type(after):
        return False
    if isinstance(before, DatetimeMS | Timestamp) and not dates:
        return True
    # NaN is itself here.
    return bool(before == after) or (before != before and after != after)  # noqa: PLR0124


def _text(value: Any) -> str:
    if isinstance(value, _Missing):
        return "nothing"
    text = " ".join(shell_text(value).split())
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _without_servers_own(value: Any) -> Any:
    if is_mapping(value):
        return {name: _without_servers_own(member) for name, member in value.items() if name not in _SERVERS_OWN}
    return [_without_servers_own(member) for member in value] if is_array(value) else value


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in document.items() if other != name}
