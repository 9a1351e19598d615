"""Secrets are replaced before they are written: by values of the same type that say nothing, one for each secret."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import bson
from bson import Binary, Code, Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from llm_devops_mongodb.simulation.documents import FAITHFUL, UNREADABLE, decoded, encoded, is_array, is_document
from llm_devops_mongodb.simulation.secrecy import Secrecy, place_of_members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from llm_devops_mongodb.operations import RawDocument
    from llm_devops_mongodb.security.redaction import SensitiveFields

_MOST_KNOWN = 64
"""How many secrets are looked for elsewhere: every answer is searched for each."""

_SHORTEST_KNOWN = 6

_UNREADABLE = encoded({"redacted": "a document that could not be read"})


class Redactor:
    """Replaces the values of sensitive fields, the same secret by the same placeholder.

    The placeholders are counted in the order in which secrets appear, so they tell nothing of them; the secrets
    themselves are never written, in whatever form.

    Args:
        fields: What is sensitive.
    """

    def __init__(self, fields: SensitiveFields) -> None:
        self.fields = fields
        self._key = secrets.token_bytes(32)
        self._numbers: dict[bytes, int] = {}
        self._known: dict[bytes, int] = {}

    def request(self, raw: RawDocument, aliases: Iterable[str] = ()) -> RawDocument:
        """Return a request without secrets; the same bytes where it holds none.

        Args:
            raw: The request.
            aliases: Names under which it holds what is sensitive, beside the fields' own.
        """
        return self._redacted(raw, frozenset(aliases))

    def reply(self, raw: RawDocument, aliases: Iterable[str] = ()) -> RawDocument:
        """Return a document that was answered without secrets, and without those that were met before elsewhere."""
        known = any(secret in raw for secret in self._known)
        return self._redacted(raw, frozenset(aliases), is_suspect=known)

    def may_hold_secrets(self, frame: bytes) -> bool:
        """Tell whether any document of a frame may hold a secret; quick, and never wrong where it says no."""
        return self.fields.may_be_in(frame) or any(secret in frame for secret in self._known)

    def _redacted(self, raw: RawDocument, aliases: frozenset[str], *, is_suspect: bool = False) -> RawDocument:
        if not aliases and not is_suspect and not self.fields.may_be_in(raw):
            return raw
        walk = _Walk(Secrecy(self.fields, aliases), self._hidden, self._known if is_suspect else {})
        try:
            return encoded(walk.document(decoded(raw), ()))
        except UNREADABLE:
            # What cannot be read cannot be cleaned, and must not stop the program that is recorded.
            return _UNREADABLE

    def _hidden(self, value: Any) -> Any:
        digest = hashlib.blake2b(bson.encode({"": value}, codec_options=FAITHFUL), key=self._key).digest()
        number = self._numbers.setdefault(digest, len(self._numbers) + 1)
        if type(value) is str and len(value) >= _SHORTEST_KNOWN and len(self._known) < _MOST_KNOWN:
            self._known.setdefault(value.encode(), number)
        return _placeholder(value, number)


class _Walk:
    """One walk through a document."""

    def __init__(self, secrecy: Secrecy, hide: Callable[[Any], Any], known: Mapping[bytes, int]) -> None:
        self._secrecy = secrecy
        self._hide = hide
        self._known = known

    def document(self, document: dict[str, Any], path: tuple[str, ...], *, is_covered: bool = False) -> dict[str, Any]:
        """Return a document without its secrets."""
        found: dict[str, Any] = {}
        is_pair = self._secrecy.covers_pair(document)
        for name, value in document.items():
            place = (*path, name)
            is_hidden = is_covered or self._secrecy.covers(place) or (is_pair and name == "v")
            found[name] = self._value(value, place, is_covered=is_hidden)
        return found

    def _value(self, value: Any, path: tuple[str, ...], *, is_covered: bool) -> Any:
        if is_document(value):
            return self.document(value, path, is_covered=is_covered)
        if is_array(value):
            return self._members(value, path, is_covered=is_covered)
        if is_covered:
            return self._hide(value) if self._secrecy.is_secret(value, path) else value
        number = self._known.get(value.encode()) if self._known and type(value) is str else None
        return value if number is None else _placeholder(value, number)

    def _members(self, values: list[Any], path: tuple[str, ...], *, is_covered: bool) -> list[Any]:
        path = place_of_members(path)
        covered = [True] * len(values) if is_covered else self._secrecy.covered_members(values)
        pairs = zip(values, covered, strict=True)
        return [self._value(value, path, is_covered=is_hidden) for value, is_hidden in pairs]


def _placeholder(value: Any, number: int) -> Any:  # noqa: C901, PLR0911, PLR0912  # one case for each type of BSON
    text = f"redacted-{number}"
    match value:
        case Int64():
            return Int64(number)
        case int():
            return number
        case float():
            return float(number)
        case Code():
            return Code(text)
        case str():
            return text
        case Binary():
            return Binary(text.encode(), value.subtype)
        case bytes():
            return text.encode()
        case DatetimeMS():
            return DatetimeMS(number)
        case ObjectId():
            return ObjectId(f"{number:024x}")
        case Decimal128():
            return Decimal128(str(number))
        case Timestamp():
            return Timestamp(number, 0)
        case Regex():
            return Regex(text, value.flags)
        case _:
            return text
