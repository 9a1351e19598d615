"""What a cassette holds: a header, interactions and their parts, as structures that are read from its lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from llm_devops_mongodb.codecs import documents_of
from llm_devops_mongodb.simulation.documents import decoded, is_array, is_document, is_packed, parsed, raw_of

FORMAT_VERSION = 1
"""The version of the format that is written. A newer one is refused; what it adds would be lost."""

NOTHING = msgspec.Raw(b"")
"""A member that is not there."""

End = Literal["exhausted", "abandoned"]
"""How a stream ended: there was no more, or it was closed before."""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """How a recording was made.

    Attributes:
        format_version: The version of the format.
        state: Whether the recording was finished; its process was killed, or still writes, where it was not.
        library_version: The version of this library.
        driver_version: The version of PyMongo.
        server_version: The version of the server, where it told.
        recorded_at: When it was begun.
        id_process: What the ObjectIds made by the recording process have in common: bytes 4 to 8, in hexadecimal.
        redacted_fields: The fields whose values were replaced.
    """

    format_version: int = FORMAT_VERSION
    state: Literal["recording", "finished"] = "recording"
    library_version: str | None = None
    driver_version: str | None = None
    server_version: str | None = None
    recorded_at: datetime
    id_process: str
    redacted_fields: tuple[str, ...] = ()


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a finished recording.

    Attributes:
        footer: Always true.
        interactions: How many there are.
        sha256: Of every byte before the footer.
    """

    footer: bool = True
    interactions: int
    sha256: str


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One answer of the server on a stream, or the stream's end.

    Attributes:
        of: The number of the interaction that opened the stream.
        part: The number of the part, from 1.
        at: When it was asked for, UTC.
        seconds: How long the answer took.
        is_last: Of a change stream: the server closed its cursor with it.
        end: How the stream ended, in its last part.
    """

    of: int
    part: int
    at: datetime
    seconds: float = msgspec.field(default=0.0, name="took")
    raw_frame: msgspec.Raw = msgspec.field(default=NOTHING, name="frame")
    raw_documents: msgspec.Raw = msgspec.field(default=NOTHING, name="documents")
    raw_token: msgspec.Raw = msgspec.field(default=NOTHING, name="token")
    raw_error: msgspec.Raw = msgspec.field(default=NOTHING, name="error")
    is_last: bool = False
    end: End | None = None

    @property
    def took(self) -> timedelta:
        """How long the answer took."""
        return timedelta(seconds=self.seconds)

    @property
    def is_batch(self) -> bool:
        """Whether it is a batch of documents, which may be empty."""
        return bool(bytes(self.raw_frame) or bytes(self.raw_documents))

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents of a batch."""
        return [decoded(document) for document in self.raw_batch()]

    @property
    def error(self) -> dict[str, Any] | None:
        """The error that ended the stream; None where none did."""
        return shown(self.raw_error)

    def raw_batch(self) -> list[bytes]:
        """The documents of a batch as BSON."""
        if bytes(self.raw_documents):
            return [raw_of(document) for document in parsed(bytes(self.raw_documents))]
        frame = msgspec.json.decode(self.raw_frame, type=bytes) if bytes(self.raw_frame) else b""
        return list(documents_of(frame))


class Interaction(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One operation and its answer.

    Attributes:
        number: Its place in the order in which operations began, from 1.
        at: When it began, UTC.
        seconds: How long the answer took.
        client: Which client asked, by the order in which they were connected.
        session: Which session it was part of; None is none.
        transaction: Which transaction of the session it was part of; None is none.
        snapshot: Whether the session reads one point in time.
        operation: Its name, such as `find_one`.
        namespace: `database.collection`; None where it has none.
        is_cancelled: Whether nobody waited for the answer.
        introduces: The ObjectIds that the recording process made and that appear here first, in hexadecimal.
        fingerprint: What requests that ask the same have in common; empty in an unfinished recording.
        parts: What a stream that it opened gave.
        line: Its line in the file; 0 where it is in none.
    """

    number: int = msgspec.field(name="n")
    at: datetime
    seconds: float = msgspec.field(default=0.0, name="took")
    client: int = 1
    session: int | None = None
    transaction: int | None = None
    snapshot: bool = False
    operation: str
    namespace: str | None = None
    raw_request: msgspec.Raw = msgspec.field(default=NOTHING, name="request")
    raw_reply: msgspec.Raw = msgspec.field(default=NOTHING, name="reply")
    raw_error: msgspec.Raw = msgspec.field(default=NOTHING, name="error")
    is_cancelled: bool = msgspec.field(default=False, name="cancelled")
    introduces: tuple[str, ...] = ()
    fingerprint: str = ""
    parts: tuple[Part, ...] = ()
    line: int = 0

    @property
    def took(self) -> timedelta:
        """How long the answer took."""
        return timedelta(seconds=self.seconds)

    @property
    def request(self) -> dict[str, Any]:
        """What was asked: the arguments by their names."""
        return shown(self.raw_request) or {}

    @property
    def reply(self) -> dict[str, Any] | None:
        """What was answered: its `kind`, and what it holds; None where there was none."""
        return shown(self.raw_reply)

    @property
    def error(self) -> dict[str, Any] | None:
        """The error that was answered: its `kind`, and what it tells; None where there was none."""
        return shown(self.raw_error)

    def request_bytes(self) -> bytes:
        """What was asked, as BSON."""
        return raw_of(parsed(bytes(self.raw_request)))


def shown(raw: msgspec.Raw) -> dict[str, Any] | None:
    """Read a member of a line; every document in it is decoded."""
    text = bytes(raw)
    return _unpacked(parsed(text)) if text else None


def _unpacked(value: Any) -> Any:
    if is_document(value):
        if is_packed(value):
            return decoded(raw_of(value))
        return {name: _unpacked(member) for name, member in value.items()}
    return [_unpacked(member) for member in value] if is_array(value) else value
