"""Cursors: places in an order, as signed text."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb.errors import InvalidCursorError, QueryError
from llm_devops_mongodb.pages.brackets import is_comparable
from llm_devops_mongodb.pages.key_values import LOSSLESS

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = b"\x01"
_PURPOSE = b"llm-devops-mongodb page cursor"
_SIGNATURE_BYTES = 16
_MOST_CHARACTERS = 65_536
_HEAD_BYTES = len(_VERSION) + _SIGNATURE_BYTES


@dataclass(frozen=True, slots=True)
class Gap:
    """A place between two documents that follow each other.

    Attributes:
        values: A document's values at the keys of the order.
        follows: Whether the gap is the one after that document, else the one before it.
    """

    values: tuple[Any, ...]
    follows: bool


@dataclass(frozen=True, slots=True)
class CursorSeal:
    """Writes and reads the cursors of one query.

    A cursor is URL-safe text: a version, a truncated HMAC-SHA256 and BSON. It is signed, not encrypted: who holds it
    can read the key values in it, and cannot change them.

    Attributes:
        key: The key of the signature.
        query: The query's fingerprint.
        arity: How many keys its order has.
    """

    key: bytes
    query: bytes
    arity: int

    def write(self, gap: Gap) -> str:
        """Return `gap` as text.

        Raises:
            QueryError: The values are too large for a cursor.
        """
        payload = bson.encode({"q": self.query, "f": gap.follows, "v": list(gap.values)})
        text = _encoded(_VERSION + self._signature(payload) + payload)
        if len(text) > _MOST_CHARACTERS:
            raise QueryError(f"the sort keys of a document of the page are too large: {len(payload)} bytes")
        return text

    def read(self, text: str) -> Gap:
        """Return the gap that `text` names.

        Raises:
            InvalidCursorError: It is no cursor, was signed with another key, or is another query's.
        """
        sealed = _sealed(text)
        if not sealed.startswith(_VERSION):
            raise InvalidCursorError("the cursor is of another version of this library; begin at the first page")
        signature, payload = sealed[len(_VERSION) : _HEAD_BYTES], sealed[_HEAD_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise InvalidCursorError(
                "the cursor's signature is wrong: it was changed, or another client made it; for cursors that outlive"
                " a client, give all of them one cursor_secret (MONGODB_CURSOR_SECRET)"
            )
        return self._gap(_parts(payload))

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self.key, _PURPOSE + _VERSION + payload, "sha256")[:_SIGNATURE_BYTES]

    def _gap(self, parts: Mapping[str, Any]) -> Gap:
        query, follows, values = parts.get("q"), parts.get("f"), parts.get("v")
        if query != self.query:
            raise InvalidCursorError("the cursor was made for another query: filter, sort or collation changed")
        if not isinstance(follows, bool) or not isinstance(values, list):
            raise _malformed()
        gap = Gap(tuple(values), follows)  # pyright: ignore[reportUnknownArgumentType]  # BSON holds anything
        if len(gap.values) != self.arity or not all(map(is_comparable, gap.values)):
            raise _malformed()
        return gap


def _encoded(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _sealed(text: Any) -> bytes:
    if not isinstance(text, str):
        raise InvalidCursorError("a cursor is text, as a page gave it")
    if len(text) > _MOST_CHARACTERS:
        raise InvalidCursorError(f"a cursor has at most {_MOST_CHARACTERS} characters")
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursorError("not a cursor: it is no URL-safe base64") from None
    # Bits of the last character that carry nothing must be as they were written.
    if _encoded(sealed) != text or len(sealed) <= _HEAD_BYTES:
        raise InvalidCursorError("not a cursor, or a part of one is missing")
    return sealed


def _parts(payload: bytes) -> Mapping[str, Any]:
    try:
        return dict(RawBSONDocument(payload, LOSSLESS))
    except (BSONError, ValueError, RecursionError):
        raise _malformed() from None


def _malformed() -> InvalidCursorError:
    return InvalidCursorError("the cursor is signed and yet malformed; the key is used for something else too")
