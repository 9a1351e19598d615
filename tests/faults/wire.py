"""As much of the wire protocol as a proxy needs to know which reply belongs to which command.

Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

from __future__ import annotations

import struct
from asyncio import IncompleteReadError, StreamReader
from dataclasses import dataclass

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_COMMAND = 4 + 1 + 4 + 1
"""What comes before the command's name: flags, the section's kind, the document's length, the element's type."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        request: Its number.
        response_to: The number of the message it answers.
        command: The name of the command it asks for; empty for a reply and in the older form of a message.
        raw: Its bytes.
    """

    request: int
    response_to: int
    command: str
    raw: bytes


async def read_message(stream: StreamReader) -> Message | None:
    """Read the next message; None where the other side has closed or broken the connection."""
    try:
        header = await stream.readexactly(_HEADER.size)
        length, request, response_to, kind = _HEADER.unpack(header)
        body = await stream.readexactly(length - _HEADER.size)
    except (IncompleteReadError, ConnectionError):
        return None
    command = body[_COMMAND:].partition(b"\0")[0].decode() if kind == _OP_MSG and not response_to else ""
    return Message(request, response_to, command, header + body)
