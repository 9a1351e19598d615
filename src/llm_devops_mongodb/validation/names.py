"""The names of databases and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.limits import MAX_DATABASE_NAME_LENGTH, MAX_NAMESPACE_LENGTH
from llm_devops_mongodb.validation.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOT_IN_DATABASES = '/\\. "$\0'
_NOT_IN_COLLECTIONS = "$\0"


def validate_database_name(name: str) -> None:
    r"""Refuse a database name that the server would refuse.

    Args:
        name: 1 to 63 bytes of UTF-8, none of `/\. "$` and NUL. Other characters are left to the server: one on Windows
            takes fewer.

    Raises:
        InvalidDocumentError: It is not such a name.
    """
    _check_text("database", name, _NOT_IN_DATABASES)
    size = len(name.encode())
    if size > MAX_DATABASE_NAME_LENGTH:
        raise _refuse("database", name, f"has {size} bytes; the most is {MAX_DATABASE_NAME_LENGTH}")


def validate_namespace(database: str, collection: str, *, max_bytes: int = MAX_NAMESPACE_LENGTH) -> None:
    """Refuse the name of a database or a collection that the server or the driver would refuse.

    Args:
        database: As for `validate_database_name`.
        collection: Not empty, without `$` and NUL, no leading, trailing or doubled dot, and none of the server's own
            (`system.…`).
        max_bytes: The most bytes of `database.collection` in UTF-8. 120 suits every server; servers from 4.4 on
            take 255.

    Raises:
        InvalidDocumentError: The names are not such.

    Example:
        >>> validate_namespace("shop", "orders.archive")
    """
    validate_database_name(database)
    _check_text("collection", collection, _NOT_IN_COLLECTIONS)
    if collection.startswith("system."):
        raise _refuse("collection", collection, "begins with 'system.', which is the server's own")
    if "" in collection.split("."):
        raise _refuse("collection", collection, "has a leading, trailing or doubled dot")
    size = len(f"{database}.{collection}".encode())
    if size > max_bytes:
        raise _refuse("collection", collection, f"makes a namespace of {size} bytes; the most is {max_bytes}")


def _check_text(kind: str, name: object, forbidden: Iterable[str]) -> None:
    if not isinstance(name, str):
        raise InvalidDocumentError(f"a {kind} name must be a str, not {type(name).__name__}")
    if not name:
        raise InvalidDocumentError(f"a {kind} name may not be empty")
    for character in forbidden:
        if character in name:
            raise _refuse(kind, name, "may not hold " + ("NUL" if character == "\0" else f"'{character}'"))
    try:
        name.encode()
    except UnicodeEncodeError:
        # From None: the interpreter's text adds nothing to ours.
        raise _refuse(kind, name, "is not valid Unicode; it holds half a surrogate pair") from None


def _refuse(kind: str, name: str, problem: str) -> InvalidDocumentError:
    return InvalidDocumentError(f"the {kind} name '{shown(name)}' {problem}")
