"""The names of fields, at every depth of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.validation.limits import MAX_BSON_DEPTH
from llm_devops_mongodb.validation.shortcuts import QUICK_LEVELS, is_plain, is_unicode
from llm_devops_mongodb.validation.values import SCALARS, is_mapping, nested

if TYPE_CHECKING:
    from llm_devops_mongodb.validation.places import Check, Place

REFERENCE_KEYS = frozenset({"$ref", "$id", "$db"})
"""The names of a DBRef's parts: the only ones with a `$` that a stored document may hold."""


def check_name(name: object, place: Place) -> None:
    """Refuse a field name that BSON cannot hold, in the document at `place`."""
    if not isinstance(name, str):
        raise place.refuse(f"a field name must be a str, not {type(name).__name__}")
    if "\0" in name:
        raise place.field(name, None).refuse("a field name may not hold a NUL character")
    if not (name.isascii() or is_unicode(name)):
        raise place.field(name, None).refuse("a field name must be valid Unicode; this one holds half a surrogate pair")


def is_reference(document: Any) -> bool:
    """Tell a DBRef: `$ref` and `$id`, perhaps `$db`, and no other name that begins with `$`."""
    return (
        "$ref" in document
        and "$id" in document
        and all(name in REFERENCE_KEYS or not str(name).startswith("$") for name in document)
    )


def check_literal(value: Any, place: Place) -> None:
    """Check the names and the depth of a value that is taken as it is, whatever its names mean elsewhere."""
    if type(value) in SCALARS:
        return
    if place.depth <= MAX_BSON_DEPTH - QUICK_LEVELS and is_plain(value, dollars=True):
        return
    container = nested(value)
    if container is not None:
        _check_literal_names(container, place)


def _check_literal_names(container: Any, place: Place) -> None:
    if is_mapping(container):
        for name in container:
            check_name(name, place)
    descend(_check_literal_names, container, place)


def check_stored(container: Any, place: Place) -> None:
    """Check the names and the depth of a document that is to be stored, or of an array in it."""
    if is_mapping(container):
        for name in container:
            check_name(name, place)
            if not name:
                raise place.refuse("a field name may not be empty")
            if name[0] == "$" and not is_reference(container):
                raise place.field(name, None).refuse(
                    "a stored field name may not begin with '$'; an operator belongs in an update, as for update_one"
                )
    descend(check_stored, container, place)


def descend(check: Check, container: Any, place: Place) -> None:
    """Have `check` look at every document and array directly in `container`, which stands at `place`."""
    if is_mapping(container):
        for name, item in container.items():
            if type(item) not in SCALARS and (inner := nested(item)) is not None:
                place.field(name, inner).defer(check, inner)
        return
    for index, item in enumerate(container):
        if type(item) not in SCALARS and (inner := nested(item)) is not None:
            place.item(index, inner).defer(check, inner)
