"""The one question that a server answers in every state and to everybody: `hello`.

Asked over a bare connection. A client would take a hundred times as long, and asking it again and again is what waiting
for an election is; and closing a client at once cancels what its monitors are about to connect, whose sockets the
driver then leaves to the garbage collector (PyMongo 4.20, `_async_create_connection`).
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from datetime import timedelta

# A message is a header (length, number, number answered, kind), flags and a section: the byte 0 and a document.
# https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg
_HEADER = struct.Struct("<iiii")
_KIND = 2013
_BEFORE_DOCUMENT = _HEADER.size + 5


async def hello(host: str, port: int, *, tls: ssl.SSLContext | None = None, within: timedelta) -> dict[str, Any]:
    """Ask a server what it is.

    Args:
        host: Its address.
        port: Its port.
        tls: How to encrypt, None for not at all.
        within: The limit for connecting and the answer.

    Returns:
        The server's answer; empty where it did not answer, for whatever reason.
    """
    with suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                return await _ask(reader, writer)
            finally:
                # Not closed but aborted: closing with TLS waits for a server that may be paused.
                writer.transport.abort()
                with suppress(OSError):
                    await writer.wait_closed()
    return {}


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
    # Here and not above: this module is imported where no server is asked anything.
    import bson

    question = bson.encode({"hello": 1, "$db": "admin"})
    writer.write(_HEADER.pack(_BEFORE_DOCUMENT + len(question), 1, 0, _KIND) + bytes(5) + question)
    start = await reader.readexactly(_BEFORE_DOCUMENT)
    length, *_ = _HEADER.unpack_from(start)
    answer = await reader.readexactly(length - _BEFORE_DOCUMENT)
    return bson.decode(answer)  # pyright: ignore[reportUnknownMemberType]  # bson's own annotation
