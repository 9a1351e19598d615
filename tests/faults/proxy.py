"""A proxy in front of one server, which breaks what passes through it when it is told to."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import Self

from llm_devops_mongodb.testing.ports import LOOPBACK, ReservedPort
from tests.faults.wire import Message, read_message

_NO_LINGER = struct.pack("ii", 1, 0)


class ReplyFault(Enum):
    """What becomes of the reply to a command that the server has done."""

    SWALLOWED = "the connection is reset in its place"
    CUT = "half of it is sent, and then the connection is closed"
    WITHHELD = "it never comes, and the connection stays open"


class Proxy:
    """A proxy on the loopback interface, to be used as an async context manager.

    Args:
        address: The server's `host:port`.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._upstream = (host, int(port))
        self._port = ReservedPort()
        self._listening: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._reply_faults: dict[str, deque[ReplyFault]] = {}
        self.delay: float = 0
        """Seconds by which every reply is late."""

    @property
    def uri(self) -> str:
        """The connection string that leads through the proxy to the one server."""
        return f"mongodb://{LOOPBACK}:{self._port.number}/?directConnection=true"

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.refuse()
        self._port.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_replies(self, command: str, *faults: ReplyFault) -> None:
        """Have the next replies to `command` meet `faults`, one after the other."""
        self._reply_faults.setdefault(command, deque()).extend(faults)

    def reset(self) -> None:
        """Reset every connection; new ones are taken."""
        for link in tuple(self._links):
            link.reset()

    def refuse(self) -> None:
        """Reset every connection, and take no new ones until `heal`."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self.reset()

    def swallow(self) -> None:
        """Take connections and whatever comes on them, and pass on nothing, until `heal`; it never arrives."""
        self._open.clear()

    async def heal(self) -> None:
        """Take connections, and pass everything on."""
        self._open.set()
        if self._listening is None:
            self._listening = await asyncio.start_server(self._accept, LOOPBACK, self._port.number)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        client = _Link(reader, writer)
        self._links.add(client)
        try:
            await self._open.wait()
            server = _Link(*await asyncio.open_connection(*self._upstream))
            await self._connect(client, server)
        finally:
            self._links.discard(client)
            client.reset()

    async def _connect(self, client: _Link, server: _Link) -> None:
        """Pass messages both ways until either side is gone."""
        asked: dict[int, str] = {}
        ways = {
            asyncio.create_task(self._pass_requests(client, server, asked)),
            asyncio.create_task(self._pass_replies(server, client, asked)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            server.reset()

    async def _pass_requests(self, client: _Link, server: _Link, asked: dict[int, str]) -> None:
        while (message := await client.next()) is not None:
            if self._open.is_set():
                asked[message.request] = message.command
                await server.send(message.raw)

    async def _pass_replies(self, server: _Link, client: _Link, asked: dict[int, str]) -> None:
        while (message := await server.next()) is not None:
            await asyncio.sleep(self.delay)
            if not self._open.is_set():
                continue
            faults = self._reply_faults.get(asked.pop(message.response_to, ""))
            if not faults:
                await client.send(message.raw)
            elif not await client.fail(message.raw, faults.popleft()):
                return


class _Link:
    """One side of a connection."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> Message | None:
        """Read the next message; None where the other side is gone."""
        return await read_message(self._reader)

    async def send(self, raw: bytes) -> None:
        """Send a message; where the other side is gone, reading tells it."""
        self._writer.write(raw)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def fail(self, raw: bytes, fault: ReplyFault) -> bool:
        """Send a reply that meets `fault`, and tell whether the connection goes on."""
        match fault:
            case ReplyFault.WITHHELD:
                return True
            case ReplyFault.CUT:
                await self.send(raw[: len(raw) // 2])
                self._writer.close()
            case ReplyFault.SWALLOWED:
                self.reset()
        return False

    def reset(self) -> None:
        """Cut the connection off without a farewell."""
        transport = self._writer.transport
        if not transport.is_closing():
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
