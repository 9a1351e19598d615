"""Errors of one among many: which one, by the number its caller knows it by."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from llm_devops_mongodb.errors import InvalidDocumentError, SerializationError
from llm_devops_mongodb.results import BulkWriteResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_devops_mongodb.errors import BulkWriteError, MongoError, WriteError

E = TypeVar("E", bound="MongoError")

Refusal = InvalidDocumentError | SerializationError
"""What checking and encoding raise."""

REFUSALS = (InvalidDocumentError, SerializationError)


def number(error: Refusal, kind: str, index: int) -> None:
    """Have `error` say that it is about the `kind` number `index`, in its text and at the front of its path."""
    _retell(error, f"{kind} {index}: {error.message}")
    error.path = f"{index}.{error.path}" if error.path else str(index)


def name(error: Refusal, option: str) -> None:
    """Have `error` say that it is about that option."""
    _retell(error, f"{option}: {error.message.removeprefix(f'{option}: ')}")
    error.path = f"{option}.{error.path}" if error.path else option


def moved(error: WriteError, *, old: int, new: int) -> WriteError:
    """Return a copy of the error of the write number `old` that says `new`."""
    copied = copy.copy(error)
    opening = f"write {old}: "
    if error.message.startswith(opening):
        _retell(copied, f"write {new}: {error.message.removeprefix(opening)}")
    copied.__cause__ = error.__cause__
    return copied


def inserted_indexes(count: int, error: BulkWriteError, *, ordered: bool) -> Iterator[int]:
    """Tell which of `count` documents were inserted: ordered all before the first failure, else all but the failed."""
    failed = error.write_errors
    if error.ended_by is not None and isinstance(error.result, BulkWriteResult):
        # They are tried in their order.
        count = error.result.inserted_count + len(failed)
    for index in range(count):
        if index not in failed:
            yield index
        elif ordered:
            return


def _retell(error: MongoError, message: str) -> None:
    error.message = message
    error.args = (message,)
