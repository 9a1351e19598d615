"""Requests in one canonical form: what asks the same has the same fingerprint, however it was written.

The order of fields counts where it counts for the server: in documents that are stored or compared, in sorts, hints and
commands; not among the conditions of a filter, the operators of an update, or options. Values keep their BSON type: `1`
is not `1.0`. What a program makes anew each time it runs — ObjectIds, dates, secrets — is no part of the fingerprint,
but taken out of the request and compared by itself.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import bson
from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from llm_devops_mongodb.simulation.documents import FAITHFUL, decoded, is_array, is_document
from llm_devops_mongodb.simulation.secrecy import Secrecy, aliases_in, place_of_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_devops_mongodb.security.redaction import SensitiveFields

Kind = Literal["id", "date", "secret"]
Scope = Literal["none", "session", "snapshot", "transaction"]
"""Where an operation takes place, which says what it sees."""

_DIGEST_BYTES = 8
_LOGICAL = frozenset({"$and", "$or", "$nor"})
_NESTED = frozenset({"$elemMatch", "$not"})
_ID_DIGITS = 24
_MOST_CACHED = 4096
_LARGEST_CACHED = 4096
_UNORDERED = frozenset({"options", "settings", "collation", "let", "projection"})
_HEX_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")


class Free(NamedTuple):
    """A value that differs from run to run.

    Attributes:
        kind: What it is.
        value: An ObjectId's bytes, a date's milliseconds, or a secret's type and bytes.
    """

    kind: Kind
    value: Any


@dataclass(frozen=True, slots=True)
class Canonical:
    """A request, taken apart.

    Attributes:
        fingerprint: What it asks, without the values that differ from run to run; 16 hexadecimal digits.
        values: Those values, in the order in which they appear.
    """

    fingerprint: str
    values: tuple[Free, ...]


class Canonicalizer:
    """Brings requests into canonical form.

    Args:
        sensitive: The fields whose values are secrets.
        ignored: Tells of a field's path that it does not count.
        is_made: Tells whether an ObjectId within a string was made by a program, so that it counts as one.
    """

    def __init__(
        self,
        sensitive: SensitiveFields,
        *,
        ignored: Callable[[tuple[str, ...]], bool] | None = None,
        is_made: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self._sensitive = sensitive
        self._ignored = ignored
        self._is_made = is_made
        self._cache: dict[tuple[str, str | None, str, bytes], Canonical] = {}

    def of(self, operation: str, namespace: str | None, scope: Scope, request: bytes) -> Canonical:
        """Bring a request into canonical form."""
        key = (operation, namespace, scope, request)
        found = self._cache.get(key)
        if found is None:
            found = self._made(operation, namespace, scope, request)
            if len(request) <= _LARGEST_CACHED:
                if len(self._cache) >= _MOST_CACHED:
                    self._cache.clear()
                self._cache[key] = found
        return found

    def _made(self, operation: str, namespace: str | None, scope: Scope, request: bytes) -> Canonical:
        found = decoded(request)
        aliases = aliases_in(request, self._sensitive)
        walk = _Walk(Secrecy(self._sensitive, aliases), self._ignored, self._is_made)
        arguments = {name: walk.argument(name, value) for name, value in found.items()}
        whole = {"operation": operation, "namespace": namespace, "scope": scope, "request": _sorted(arguments)}
        digest = hashlib.blake2b(bson.encode(whole, codec_options=FAITHFUL), digest_size=_DIGEST_BYTES)
        return Canonical(digest.hexdigest(), tuple(walk.values))


class _Walk:
    """One walk through a request; the values that differ from run to run are collected on the way."""

    def __init__(
        self,
        secrecy: Secrecy,
        ignored: Callable[[tuple[str, ...]], bool] | None,
        is_made: Callable[[bytes], bool],
    ) -> None:
        self.values: list[Free] = []
        self._secrecy = secrecy
        self._ignored = ignored
        self._is_made = is_made

    def argument(self, name: str, value: Any) -> Any:
        """Bring an argument of an operation, or an option, into canonical form."""
        if is_document(value):
            return self._options(name, value)
        if not is_array(value):
            return self._value(value, (name,), is_covered=self._secrecy.covers((name,)))
        match name:
            case "array_filters":
                return [self._filter(member, (name,)) for member in value]
            case "pipeline" | "update":
                return [self._stage(stage, place_of_members((name,))) for stage in value]
            case "writes":
                return [self._write(write) for write in value]
            case _:
                return self._value(value, (name,), is_covered=self._secrecy.covers((name,)))

    def _options(self, name: str, value: dict[str, Any]) -> Any:
        if name == "filter":
            return self._filter(value, (name,))
        if name == "update":
            return _sorted({operator: _sorted(self._value(spec, (name, operator))) for operator, spec in value.items()})
        if name in _UNORDERED:
            return _sorted({option: self.argument(option, member) for option, member in value.items()})
        return self._value(value, (name,), is_covered=self._secrecy.covers((name,)))

    def _write(self, write: Any) -> Any:
        if is_document(write):
            return {
                kind: {name: self.argument(name, value) for name, value in arguments.items()}
                for kind, arguments in write.items()
            }
        # In a bulk write of several collections each write comes with its own.
        return [write[0], self._write(write[1])]

    def _stage(self, stage: dict[str, Any], path: tuple[str, ...]) -> Any:
        return {
            name: self._filter(spec, (*path, name))
            if name == "$match" and is_document(spec)
            else self._value(spec, (*path, name))
            for name, spec in stage.items()
        }

    def _filter(self, conditions: dict[str, Any], path: tuple[str, ...], *, is_covered: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in sorted(conditions.items()):
            place = (*path, name)
            if name in _LOGICAL and is_array(value):
                found[name] = [self._filter(part, path, is_covered=is_covered) for part in value]
            elif not self._is_ignored(place):
                found[name] = self._condition(value, place, is_covered=is_covered or self._secrecy.covers(place))
        return found

    def _condition(self, value: Any, path: tuple[str, ...], *, is_covered: bool) -> Any:
        if not _is_operators(value):
            return self._value(value, path, is_covered=is_covered)
        return {
            name: self._filter(operand, path, is_covered=is_covered)
            if name in _NESTED and is_document(operand)
            else self._value(operand, path, is_covered=is_covered)
            for name, operand in sorted(value.items())
        }

    def _document(self, document: dict[str, Any], path: tuple[str, ...], *, is_covered: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        is_pair = self._secrecy.covers_pair(document)
        for name, value in document.items():
            place = (*path, name)
            if not self._is_ignored(place):
                is_hidden = is_covered or self._secrecy.covers(place) or (is_pair and name == "v")
                found[name] = self._value(value, place, is_covered=is_hidden)
        return found

    def _value(self, value: Any, path: tuple[str, ...], *, is_covered: bool = False) -> Any:
        if is_document(value):
            members = self._document(value, path, is_covered=is_covered)
            return _sorted(members) if _is_operators(value) else members
        if is_array(value):
            return self._members(value, path, is_covered=is_covered)
        if is_covered and self._secrecy.is_secret(value, path):
            return self._taken(Free("secret", (type(value).__name__, bson.encode({"": value}, codec_options=FAITHFUL))))
        if isinstance(value, ObjectId):
            return self._taken(Free("id", value.binary))
        if isinstance(value, DatetimeMS):
            return self._taken(Free("date", int(value)))
        return self._text(value) if type(value) is str and len(value) >= _ID_DIGITS else value

    def _members(self, values: list[Any], path: tuple[str, ...], *, is_covered: bool) -> list[Any]:
        path = place_of_members(path)
        covered = [True] * len(values) if is_covered else self._secrecy.covered_members(values)
        pairs = zip(values, covered, strict=True)
        return [self._value(value, path, is_covered=is_hidden) for value, is_hidden in pairs]

    def _text(self, value: str) -> str:
        """Take the ObjectIds out of a string that programs made and wrote into it."""

        def taken(digits: re.Match[str]) -> str:
            raw = bytes.fromhex(digits[0])
            return str(self._taken(Free("id", raw))) if self._is_made(raw) else digits[0]

        return _HEX_ID.sub(taken, value)

    def _taken(self, free: Free) -> str:
        self.values.append(free)
        return f"\0{free.kind if free.kind != 'secret' else free.value[0]}"

    def _is_ignored(self, path: tuple[str, ...]) -> bool:
        return self._ignored is not None and self._ignored(path)


def _is_operators(value: Any) -> bool:
    return is_document(value) and bool(value) and all(name.startswith("$") for name in value)


def _sorted(members: Any) -> Any:
    return dict(sorted(members.items())) if is_document(members) else members
