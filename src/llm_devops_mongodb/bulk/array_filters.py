"""Array filters of an update: which elements the `$[name]` of its paths mean.

Rules of the server (https://www.mongodb.com/docs/manual/reference/operator/update/positional-filtered/), tried on 6.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.validation.filters import check_filter
from llm_devops_mongodb.validation.places import shown, walk
from llm_devops_mongodb.validation.values import built, is_array, is_mapping, is_sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_devops_mongodb.options import Document, Update
    from llm_devops_mongodb.validation.places import Place

_NAME = re.compile(r"[a-z][a-zA-Z0-9]*")
_USED = re.compile(r"(?:^|\.)\$\[([^].]+)\](?=\.|$)")
_CLAUSES = frozenset({"$and", "$or", "$nor"})
_ELSEWHERE = ("$expr", "$where", "$text", "$jsonSchema", "$near", "$nearSphere", "$geoNear")
_BARRED: dict[str, str] = dict.fromkeys(_ELSEWHERE, "may not stand in an array filter")


def are_array_filters(filters: object) -> TypeGuard[Sequence[Document]]:
    """Tell a list of filters, at least one and none of them empty."""
    return is_array(filters) and bool(filters) and all(is_mapping(part) and part for part in filters)


def check_array_filters(filters: Sequence[Document], update: Update) -> None:
    """Refuse filters that are malformed, and names that `update` does not use, or that it uses and none has.

    Raises:
        InvalidDocumentError: It tells the filter or the name.
    """
    change = built(update)
    if filters and is_sequence(change):
        raise InvalidDocumentError("an update by a pipeline takes none")
    names = _names_of(filters) if filters else []
    used = _used_in(change)
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidDocumentError(f"two filters are for '{name}'; put the conditions into one", path=str(index))
        if name not in used:
            raise InvalidDocumentError(f"no path of the update holds $[{name}]", path=str(index))
    for name in sorted(used.difference(names)):
        raise InvalidDocumentError(f"none is for '{shown(name)}', which a path of the update names")


def _names_of(filters: Sequence[Document]) -> list[str]:
    walk(_check_filters, filters)
    return [_name_of(each, index) for index, each in enumerate(filters)]


def _check_filters(filters: Sequence[Document], place: Place) -> None:
    for index, each in enumerate(filters):
        check_filter(each, place.item(index, each).barring(_BARRED))


def _name_of(filter: Document, index: int) -> str:
    names = set(_names_in(filter))
    name = names.pop() if len(names) == 1 else ""
    if not _NAME.fullmatch(name):
        raise InvalidDocumentError(
            "an array filter is for one name, with which each of its paths begins: a small letter, then letters and "
            "digits",
            path=str(index),
        )
    return name


def _names_in(filter: Document) -> Iterator[str]:
    for name, condition in filter.items():
        if name in _CLAUSES:
            for clause in condition:
                yield from _names_in(clause)
        elif name[:1] != "$":
            yield name.partition(".")[0]


def _used_in(change: Any) -> set[str]:
    if not is_mapping(change):
        return set()
    paths: list[str] = [path for fields in change.values() for path in fields if "$[" in path]
    return {name for path in paths for name in _USED.findall(path)}
