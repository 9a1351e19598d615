"""Writes of a bulk write, checked and encoded where they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.operations import DeleteWrite, InsertWrite, ReplaceWrite, UpdateWrite
from llm_devops_mongodb.options import DeleteOptions, UpdateOptions
from llm_devops_mongodb.query.built import frozen
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_text

if TYPE_CHECKING:
    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.bulk.target import WriteTarget
    from llm_devops_mongodb.operations import RawDocument, RawPipeline
    from llm_devops_mongodb.options import Filter, Update

T = TypeVar("T")

_UPDATE = UpdateOptions()
_UPSERT = UpdateOptions(upsert=True)
_DELETE = DeleteOptions()


def insert(target: WriteTarget[T], document: T) -> InsertWrite:
    """Make the write that inserts `document`, under an `_id` that is made here where it has none."""
    return InsertWrite(target.access.document(document, target.codec).raw)


def update(
    access: Access, filter: Filter, change: Update, *, multi: bool, upsert: object, **options: Any
) -> UpdateWrite:
    """Make the write that changes the first match, or every one."""
    raw_filter = access.sized(access.chosen(filter, many=multi))
    return UpdateWrite(
        raw_filter, _sized(access, access.update(change)), multi, _update_options(access, upsert, options)
    )


def replace(target: WriteTarget[T], filter: Filter, replacement: T, *, upsert: object, **options: Any) -> ReplaceWrite:
    """Make the write that replaces the first match."""
    access = target.access
    raw_filter = access.sized(access.chosen(filter))
    raw = access.replacement(replacement, target.codec)
    return ReplaceWrite(raw_filter, raw, _update_options(access, upsert, options))


def delete(access: Access, filter: Filter, *, multi: bool, **options: Any) -> DeleteWrite:
    """Make the write that deletes the first match, or every one."""
    raw_filter = access.sized(access.chosen(filter, many=multi))
    given = _checked(access, options)
    return DeleteWrite(raw_filter, multi, DeleteOptions(**given) if given else _DELETE)


def _sized(access: Access, change: RawDocument | RawPipeline) -> RawDocument | RawPipeline:
    for part in change if isinstance(change, tuple) else (change,):
        access.sized(part)
    return change


def _update_options(access: Access, upsert: object, options: dict[str, Any]) -> UpdateOptions:
    if not isinstance(upsert, bool):
        raise InvalidDocumentError("upsert is True or False", path="upsert")
    given = _checked(access, options)
    if given:
        return UpdateOptions(upsert=upsert, **given)
    return _UPSERT if upsert else _UPDATE


def _checked(access: Access, options: dict[str, Any]) -> dict[str, Any]:
    """Give a copy of the options that are not None; refuse one that the driver or BSON would, later and for all."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if not _TAKES[name](value):
            raise InvalidDocumentError(f"{name} takes {_TAKEN[name]}", path=name)
    if given:
        access.encode(given)
    return {name: frozen(value) for name, value in given.items()}


def _is_documents(value: object) -> bool:
    return is_array(value) and bool(value) and all(is_mapping(part) and part for part in value)


def _is_index(value: object) -> bool:
    if is_mapping(value) or is_text(value):
        return bool(value)
    return is_array(value) and bool(value) and all(is_array(part) and len(part) == 2 for part in value)  # noqa: PLR2004


def _is_order(value: object) -> bool:
    if is_array(value):
        return bool(value) and all(is_text(part) or (is_array(part) and len(part) == 2) for part in value)  # noqa: PLR2004
    return _is_index(value)


_TAKES = {"array_filters": _is_documents, "hint": _is_index, "collation": is_mapping, "sort": _is_order}
_TAKEN = {
    "array_filters": "a list of filters, at least one, none of them empty",
    "hint": "the name of an index, or its fields and directions",
    "collation": "a document",
    "sort": "fields and directions",
}
