"""Writes of a bulk write, checked and encoded where they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llm_devops_mongodb.bulk.array_filters import are_array_filters, check_array_filters
from llm_devops_mongodb.bulk.numbering import name
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.operations import DeleteWrite, InsertWrite, ReplaceWrite, UpdateWrite
from llm_devops_mongodb.options import DeleteOptions, UpdateOptions
from llm_devops_mongodb.query.built import frozen
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.queries import validate_collation, validate_order
from llm_devops_mongodb.validation.values import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.bulk.target import WriteTarget
    from llm_devops_mongodb.operations import RawDocument, RawPipeline
    from llm_devops_mongodb.options import Document, Filter, Update

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
    raw_update = _sized(access, access.update(change))
    given = _update_options(access, upsert, options)
    if access.config.validate_documents:
        _check_names(given.array_filters or (), change)
    return UpdateWrite(raw_filter, raw_update, multi, given)


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
    """Give a copy of the options that are not None; refuse one that driver or server would, later and for all."""
    given = {option: _of_option(option, value) for option, value in options.items() if value is not None}
    if given:
        access.encode(given)
    return given


def _of_option(option: str, value: Any) -> Any:
    try:
        return frozen(_TAKEN[option](value))
    except InvalidDocumentError as error:
        name(error, option)
        raise


def _check_names(filters: Sequence[Document], change: Update) -> None:
    try:
        check_array_filters(filters, change)
    except InvalidDocumentError as error:
        name(error, "array_filters")
        raise


def _array_filters(given: Any) -> Sequence[Document]:
    if not are_array_filters(given):
        raise InvalidDocumentError("takes a list of filters, at least one, none of them empty")
    return given


def _hint(given: Any) -> str | dict[str, Any]:
    index = str(given) if is_text(given) else fields_and_directions(given, "hint")
    if not index:
        raise InvalidDocumentError("names no index")
    return index


def _sort(given: Any) -> dict[str, Any]:
    order = fields_and_directions(given, "sort")
    validate_order(order)
    return order


def _collation(given: Any) -> Document:
    validate_collation(given)
    return given  # type: ignore[no-any-return]  # it is a document


_TAKEN: dict[str, Callable[[Any], Any]] = {
    "array_filters": _array_filters,
    "hint": _hint,
    "collation": _collation,
    "sort": _sort,
}
