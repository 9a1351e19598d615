"""Handling several events at once, those of one document in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from llm_devops_mongodb.change_streams import ChangeEvent

Key = tuple[object, bytes]

_ANY_UUID: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


@dataclass(slots=True)
class _Entry:
    event: ChangeEvent[Any]
    key: Key | None
    is_done: bool = False


class Dispatcher:
    """Handles events concurrently.

    Events of one document are handled one after the other. An event that is of no document, such as the drop of a
    collection, waits for all before it, and all after it wait for it.

    Args:
        handle: Handles one event.
        passed: Is told, in their order, of events up to which all were handled.
        concurrency: How many are handled at once.
        most: How many may be given and not yet passed.

    Attributes:
        workers: The tasks in which events are handled.
    """

    def __init__(
        self,
        handle: Callable[[ChangeEvent[Any]], Awaitable[None]],
        passed: Callable[[ChangeEvent[Any]], None],
        *,
        concurrency: int,
        most: int,
    ) -> None:
        self._handle = handle
        self._passed = passed
        self._most = most
        self._in_order: deque[_Entry] = deque()
        self._chains: dict[Key, deque[_Entry]] = {}
        self._ready: asyncio.Queue[_Entry] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._at_work = 0
        self._is_finishing = False
        self._failure: BaseException | None = None
        self.workers: tuple[asyncio.Task[None], ...] = tuple(
            asyncio.create_task(self._work()) for _ in range(concurrency)
        )

    @property
    def in_flight(self) -> int:
        """How many events were given and not passed."""
        return len(self._in_order)

    async def give(self, event: ChangeEvent[Any]) -> None:
        """Give an event to be handled; it waits while there are too many.

        Raises:
            Exception: Handling one failed. None is begun any more, and those that were are over.
        """
        key = _key_of(event)
        await self._until(0 if key is None else self._most - 1)
        entry = _Entry(event, key)
        self._in_order.append(entry)
        if key is None:
            self._ready.put_nowait(entry)
            await self._until(0)
        elif (chain := self._chains.get(key)) is not None:
            chain.append(entry)
        else:
            self._chains[key] = deque()
            self._ready.put_nowait(entry)

    async def drain(self) -> None:
        """Wait until every event was handled.

        Raises:
            Exception: Handling one failed.
        """
        await self._until(0)

    async def finish(self) -> None:
        """Begin to handle none any more, and wait for those that were begun.

        Raises:
            Exception: Handling one failed.
        """
        self._is_finishing = True
        while self._at_work:
            await self._change()
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """Cancel what is being handled."""
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)

    async def _until(self, most: int) -> None:
        """Wait until no more than `most` events are in flight."""
        while not self._is_finishing and len(self._in_order) > most:
            await self._change()
        if self._is_finishing:
            await self.finish()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _work(self) -> None:
        while True:
            entry = await self._ready.get()
            if self._is_finishing:
                return
            self._at_work += 1
            try:
                await self._handle(entry.event)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - it is raised where events are given
                self._failure = self._failure or error
                self._is_finishing = True
            else:
                self._done(entry)
            finally:
                self._at_work -= 1
                self._changed.set()

    def _done(self, entry: _Entry) -> None:
        entry.is_done = True
        while self._in_order and self._in_order[0].is_done:
            self._passed(self._in_order.popleft().event)
        if entry.key is None:
            return
        chain = self._chains[entry.key]
        if chain:
            self._ready.put_nowait(chain.popleft())
        else:
            del self._chains[entry.key]


def _key_of(event: ChangeEvent[Any]) -> Key | None:
    return None if event.document_key is None else (event.namespace, _bytes_of(event.document_key))


def _bytes_of(document_key: Mapping[str, Any]) -> bytes:
    return bson.encode(document_key, codec_options=_ANY_UUID)
