"""Projections of no more than what is wanted."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.values import SCALARS, is_mapping, kind_of, nested

if TYPE_CHECKING:
    from collections.abc import Iterable

_ID = "_id"


def optimize_projection(fields: Iterable[Any]) -> dict[str, int]:
    """Return the projection of these fields and no others: `_id` is left out unless it, or a part of it, is named.

    Args:
        fields: Dotted names, or fields of a model; a name given twice counts once. Without any, the projection is
            `{"_id": 0}`, which returns every other field.

    Raises:
        InvalidDocumentError: A name is none, is empty or begins with `$`, or one is a part of another, as `a.b` is of
            `a` (the server's code 31249).

    Example:
        >>> optimize_projection(["name", "address.city"])
        {'name': 1, 'address.city': 1, '_id': 0}
    """
    if isinstance(fields, (str, bytes)) or is_mapping(fields):
        raise InvalidDocumentError("takes a list of field names, not one name or a document")
    projection = dict.fromkeys((_name(field) for field in fields), 1)
    for name in projection:
        _check_apart(name, projection)
    if any(name == _ID or name.startswith(f"{_ID}.") for name in projection):
        return projection
    return {**projection, _ID: 0}


def _name(field: Any) -> str:
    kind = kind_of(field)
    if (kind in SCALARS and kind is not str) or nested(field) is not None:
        raise InvalidDocumentError(f"a field is a dotted name, not {kind.__name__}")
    name = str(field)
    if "" in name.split(".") or name.startswith("$"):
        raise InvalidDocumentError("a field's name may not be empty, hold an empty part or begin with '$'", path=name)
    return name


def _check_apart(name: str, projection: dict[str, int]) -> None:
    *outer, _ = accumulate(name.split("."), lambda head, part: f"{head}.{part}")
    for part in outer:
        if part in projection:
            raise InvalidDocumentError(f"'{shown(name)}' is a part of '{shown(part)}'; name one of them", path=name)
