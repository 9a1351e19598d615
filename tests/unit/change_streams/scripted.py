"""A deployment that answers change streams from a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

import bson
from bson import Timestamp

from llm_devops_mongodb import ChangeStream, ChangeStreamOptions, CursorError, MongoConnectionError, ResumeToken
from llm_devops_mongodb.change_streams import OnEventError
from llm_devops_mongodb.change_streams.outage import RESUMABLE, Outage
from llm_devops_mongodb.change_streams.reading import EventReader
from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.operations import Operation, RunCommand, Watch
from llm_devops_mongodb.options import Settings
from llm_devops_mongodb.replies import ChangeBatch, ChangeStreamReply, DocumentReply, Reply

BSON = BsonSettings()
WATCHED = Namespace("shop", "items")
OPENED_AT = Timestamp(7, 1)

MADE: WeakSet[ChangeStream[Any]] = WeakSet()
"""The streams of a test, to be closed after it."""

Step = ChangeBatch | Exception | asyncio.Event | None
"""A batch, a failure, something to wait for first, or the end."""


def document_of(place: float) -> dict[str, Any]:
    """The token of a place, as the server has it."""
    return {"_data": str(place)}


def token(place: float) -> ResumeToken:
    """The token of a place."""
    return ResumeToken(document_of(place))


def event(place: float, operation: str = "insert", **fields: Any) -> dict[str, Any]:
    """An event at a place, whose document has the place's number."""
    named = {"_id": document_of(place), "operationType": operation, "ns": {"db": "shop", "coll": "items"}}
    return {**named, "documentKey": {"_id": place}, "fullDocument": {"_id": place, "n": place}, **fields}


def fragment(place: float, number: int, of: int, **fields: Any) -> dict[str, Any]:
    """A piece of an event."""
    return {"_id": document_of(place), "splitEvent": {"fragment": number, "of": of}, **fields}


def batch(*events: dict[str, Any], after: float | None = None, is_last: bool = False) -> ChangeBatch:
    """A batch; `after` is the place where it ends."""
    end = None if after is None else bson.encode(document_of(after))
    return ChangeBatch(b"".join(bson.encode(event) for event in events), end, is_last)


def broken() -> MongoConnectionError:
    """The failure of a connection."""
    return MongoConnectionError("the connection broke")


def cut_off() -> CursorError:
    """A failure after which the server says that the stream may go on."""
    return CursorError("cut off", labels={RESUMABLE})


class ScriptedCursor:
    """Gives what the script says; at its end it waits, as a server does where nothing happens, until it is closed."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self._gone = asyncio.Event()
        self.asked = 0
        self.closed = 0

    async def next(self) -> ChangeBatch | None:
        self.asked += 1
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, asyncio.Event):
                await _first(step, self._gone)
            elif isinstance(step, Exception):
                raise step
            else:
                return step
        await self._gone.wait()
        raise CursorError("the cursor was killed", code=237)

    async def aclose(self) -> None:
        self.closed += 1
        self._gone.set()


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waiting:
            wait.cancel()


class ScriptedTransport:
    """Opens the given cursors in turn, or fails; remembers where each was to begin."""

    def __init__(self, *cursors: ScriptedCursor | Exception) -> None:
        self._cursors = list(cursors)
        self.opened: list[ChangeStreamOptions] = []

    async def handle(self, operation: Operation) -> Reply:
        if isinstance(operation, RunCommand):
            # Who asks for the time before a stream is opened.
            return DocumentReply(bson.encode({"ok": 1.0, "operationTime": OPENED_AT}))
        assert isinstance(operation, Watch)
        self.opened.append(operation.options)
        cursor = self._cursors.pop(0)
        if isinstance(cursor, Exception):
            raise cursor
        return ChangeStreamReply(cursor, OPENED_AT)

    async def aclose(self) -> None:
        raise AssertionError("a stream closes no transport")


class Pauses:
    """Waits no time, and keeps how long was to be waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def stream_of(
    transport: Any,
    options: ChangeStreamOptions | None = None,
    *,
    kind: type[Any] = dict,
    on_error: OnEventError = "event",
    outage: Outage | None = None,
) -> ChangeStream[Any]:
    """A change stream over `transport`, which goes on without pauses."""
    options = options or ChangeStreamOptions()
    watch = Watch(WATCHED, Settings(), None, (), options)
    reader = EventReader(codec_for(kind, BSON), BSON, WATCHED)
    outage = outage or Outage(options.resume_limit, pause=Pauses())
    stream = ChangeStream(transport, watch, reader, bson=BSON, on_error=on_error, outage=outage)
    MADE.add(stream)
    return stream


def stream_over(*steps: Step, **settings: Any) -> ChangeStream[Any]:
    """A change stream of one cursor."""
    return stream_of(ScriptedTransport(ScriptedCursor(*steps)), **settings)


def places(events: Iterable[Any]) -> list[Any]:
    """Where events are, by the number in their key."""
    return [event.document_key["_id"] for event in events]


async def until(is_so: Callable[[], bool]) -> None:
    """Let others run until something is so."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)
