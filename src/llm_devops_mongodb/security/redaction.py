"""Fields whose values nobody should read, and documents without them."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.validation.values import is_mapping, is_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_SENSITIVE_FIELDS: tuple[str, ...] = (
    *("password", "passwd", "pwd", "secret", "token", "access_token", "refresh_token", "id_token", "client_secret"),
    *("api_key", "apiKey", "private_key", "authorization", "credentials", "ssn", "credit_card", "creditCard", "cvv"),
)
"""Fields that hold secrets, by the names they commonly have."""

REDACTED = "[REDACTED]"
"""What stands in a redacted document for a value."""

_FOLDING = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())


class SensitiveFields:
    """Names of fields, as people spell them: `api_key` means `apiKey`, `API-KEY` and `apikey` too.

    A dotted name, such as `card.number`, means that field in that document, wherever the document is.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names: tuple[str, ...] = tuple(names)
        self._single = frozenset(_folded(name) for name in self.names if "." not in name)
        lasts = {_folded(name.rsplit(".", 1)[-1]).encode() for name in self.names}
        # Only ASCII is folded in bytes.
        self._is_ascii = all(name.isascii() for name in self.names)
        # A name ends with a NUL. Before it is the type of its value, the name of a document, or of a string that is a
        # name its length or `$`. Backwards, for an expression that begins with one certain byte is found much quicker.
        endings = b"|".join(re.escape(last[::-1]) for last in lasts)
        self._in_reversed = re.compile(b"\0(?:" + endings + b")[\0-\x1f\x7f\xff.$]")
        self._dotted = tuple(tuple(_folded(part) for part in name.split(".")) for name in self.names if "." in name)

    def __bool__(self) -> bool:
        return bool(self.names)

    def holds(self, path: tuple[str, ...]) -> bool:
        """Tell whether the field at a path is one of these: names from the outermost document to the field."""
        folded = tuple(_folded(part) for name in path for part in name.split(".") if not part.isdigit())
        if any(part in self._single for part in folded[-1:]):
            return True
        return any(folded[-len(dotted) :] == dotted for dotted in self._dotted)

    def may_be_in(self, raw: bytes) -> bool:
        """Tell whether BSON may hold one of the fields: quick, and never wrong where it says no."""
        if not (self.names and self._is_ascii):
            return bool(self.names)
        return self._in_reversed.search(raw.translate(_FOLDING, b"_-")[::-1]) is not None


def redact_document(
    document: Mapping[str, Any], sensitive_fields: Iterable[str] = DEFAULT_SENSITIVE_FIELDS
) -> dict[str, Any]:
    """Return a copy of a document in which `"[REDACTED]"` stands for the value of each sensitive field.

    Nested documents and arrays are gone through, and dotted names, as in a filter; what is below a sensitive field is
    replaced as a whole. The original stays as it is.

    Args:
        document: Any document, filter or update.
        sensitive_fields: The names, in whatever case, with or without underscores; a dotted one is meant as a path.

    Example:
        >>> redact_document({"name": "Ada", "login": {"apiKey": "k-1"}}, ["api_key"])
        {'name': 'Ada', 'login': {'apiKey': '[REDACTED]'}}
    """
    fields = sensitive_fields if isinstance(sensitive_fields, SensitiveFields) else SensitiveFields(sensitive_fields)
    return {name: _redacted(value, (str(name),), fields) for name, value in document.items()}


def _redacted(value: Any, path: tuple[str, ...], fields: SensitiveFields) -> Any:
    if fields.holds(path):
        return REDACTED
    if is_mapping(value):
        return {name: _redacted(member, (*path, str(name)), fields) for name, member in value.items()}
    if is_sequence(value):
        return [_redacted(member, path, fields) for member in value]
    return value


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
