"""Whether a projection leaves the sort's fields as they are (https://www.mongodb.com/docs/manual/reference/operator/projection/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.values import is_mapping, is_number, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from llm_devops_mongodb.options import Projection
    from llm_devops_mongodb.pages.sort_keys import SortKey

# These two change one field and leave the others; every other expression leaves out what is not named.
_KEEPING_OTHERS = ({"$slice"}, {"$meta"})


def check_projection(projection: Projection | None, order: Sequence[SortKey]) -> None:
    """Refuse a projection that may leave out or change a field of the order: cursors are made of the fields returned.

    Raises:
        InvalidDocumentError: Such a field is not returned as it is.
    """
    if projection is None:
        return
    entries = dict(_entries(projection))
    for key in order:
        if not _keeps(entries, key.path):
            raise InvalidDocumentError(
                f"options.projection: the page is sorted by {key.path!r}, so it must be returned as it is",
                path=key.path,
            )


def _entries(projection: Any) -> Iterator[tuple[str, Any]]:
    if not is_mapping(projection):
        yield from ((name, 1) for name in projection)
        return
    for name, value in projection.items():
        if is_mapping(value) and value and not any(str(inner).startswith("$") for inner in value):
            yield from ((f"{name}.{inner}", shown) for inner, shown in _entries(value))
        else:
            yield name, value


def _keeps(entries: Mapping[str, Any], path: str) -> bool:
    near = {name: value for name, value in entries.items() if _is_within(path, name) or _is_within(name, path)}
    if path == "_id" and not near:
        return True
    if _is_inclusion(entries):
        return any(_is_within(path, name) for name in near) and all(map(_is_shown, near.values()))
    return not near


def _is_inclusion(entries: Mapping[str, Any]) -> bool:
    """Tell whether what is not named is left out. `_id` decides only where it stands alone."""
    others = [value for name, value in entries.items() if name != "_id"] or list(entries.values())
    return any(not _is_hidden(value) and not _keeps_others(value) for value in others)


def _keeps_others(value: Any) -> bool:
    return is_mapping(value) and set(value) in _KEEPING_OTHERS


def _is_shown(value: Any) -> bool:
    return value is True or (is_number(value) and not _is_hidden(value))


def _is_hidden(value: Any) -> bool:
    return value is False or whole_number(value) == 0


def _is_within(path: str, other: str) -> bool:
    return f"{path}.".startswith(f"{other}.")
