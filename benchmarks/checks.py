"""Whether an entrant did what it was asked: a figure for something else would mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.documents import document
from benchmarks.harness import WrongResultError

if TYPE_CHECKING:
    from benchmarks.documents import Document


def require_count(actual: int, expected: int) -> None:
    """Raises `WrongResultError` unless the counts agree."""
    if actual != expected:
        msg = f"{actual} documents where {expected} were asked for"
        raise WrongResultError(msg)


def require_document(actual: Document, number: int) -> None:
    """Raises `WrongResultError` unless it is the document of that number; a naive datetime counts as UTC."""
    if {name: _aware(value) for name, value in actual.items()} != document(number):
        msg = f"document {number} came back changed"
        raise WrongResultError(msg)


def _aware(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
