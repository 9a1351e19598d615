"""Options as the driver's keyword arguments."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import CursorType as DriverCursorType
from pymongo import ReturnDocument as DriverReturnDocument

from llm_devops_mongodb.options import (
    AggregateOptions,
    BulkWriteOptions,
    CountOptions,
    CursorType,
    DeleteOptions,
    DistinctOptions,
    FindOneAndDeleteOptions,
    FindOneAndUpdateOptions,
    FindOptions,
    InsertOptions,
    ReturnDocument,
    UpdateOptions,
)
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_devops_mongodb.operations import RawDocument, RawPipeline

Options = (
    AggregateOptions
    | BulkWriteOptions
    | CountOptions
    | DeleteOptions
    | DistinctOptions
    | FindOneAndDeleteOptions
    | FindOneAndUpdateOptions
    | FindOptions
    | InsertOptions
    | UpdateOptions
)
"""Every options value that becomes arguments."""


class _Shape(NamedTuple):
    """The fields of an options value: their names, what reads them all at once, and their defaults."""

    names: tuple[str, ...]
    values: Callable[[Options], tuple[Any, ...]]
    defaults: tuple[Any, ...]

    @classmethod
    def of(cls, kind: type[Options]) -> _Shape:
        names = tuple(field.name for field in fields(kind))
        return cls(names, attrgetter(*names), tuple(field.default for field in fields(kind)))


_SHAPES: dict[type, _Shape] = {kind: _Shape.of(kind) for kind in get_args(Options)}

_MILLISECOND = timedelta(milliseconds=1)
_SMALL = 1024
_FAITHFUL: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
"""Reads every value as a type that is written back as the same bytes."""

_COMMAND_NAMES = {
    "max_time": "maxTimeMS",
    "max_await_time": "maxAwaitTimeMS",
    "allow_disk_use": "allowDiskUse",
    "batch_size": "batchSize",
    "bypass_document_validation": "bypassDocumentValidation",
}
"""Names of arguments that the driver passes on to the command as they are."""

_CURSOR_TYPES = {
    CursorType.NON_TAILABLE: DriverCursorType.NON_TAILABLE,
    CursorType.TAILABLE: DriverCursorType.TAILABLE,
    CursorType.TAILABLE_AWAIT: DriverCursorType.TAILABLE_AWAIT,
}


def find_arguments(options: FindOptions) -> dict[str, Any]:
    """Return the arguments of the driver's `find`; `max_await_time` is set on its cursor."""
    arguments = _given(options)
    arguments.pop("max_await_time", None)
    if "max_time" in arguments:
        arguments["max_time_ms"] = arguments.pop("max_time")
    if "cursor_type" in arguments:
        arguments["cursor_type"] = _CURSOR_TYPES[arguments["cursor_type"]]
    return arguments


def write_arguments(options: InsertOptions | UpdateOptions | DeleteOptions | BulkWriteOptions) -> dict[str, Any]:
    """Return the arguments of the driver's inserts, updates, deletes and bulk writes."""
    return _given(options)


def find_and_modify_arguments(options: FindOneAndUpdateOptions | FindOneAndDeleteOptions) -> dict[str, Any]:
    """Return the arguments of the driver's `find_one_and_*`."""
    arguments = _for_command(options)
    if "return_document" in arguments:
        after = arguments["return_document"] == ReturnDocument.AFTER
        arguments["return_document"] = DriverReturnDocument.AFTER if after else DriverReturnDocument.BEFORE
    return arguments


def command_arguments(options: CountOptions | DistinctOptions) -> dict[str, Any]:
    """Return the arguments that the driver passes on to a command: `count` and `distinct`."""
    return _for_command(options)


def aggregate_arguments(options: AggregateOptions) -> dict[str, Any]:
    """Return the arguments of the driver's `aggregate`."""
    return _for_command(options)


def milliseconds(duration: timedelta) -> int:
    """Return `duration` in milliseconds, rounded up: to the server and the driver 0 is no limit."""
    return -(-duration // _MILLISECOND)


def raw(document: RawDocument) -> RawBSONDocument:
    """Return `document` as the driver's own type for bytes that are BSON already."""
    return RawBSONDocument(document)


class InsertedBytes(RawBSONDocument):
    """Bytes that are BSON already, for the driver to send as they are: made in a quarter of the time.

    The driver's class looks at the bytes when it is made; here that waits for the first look inside, which is left to
    a listener for commands.
    """

    __slots__ = ("_bytes",)

    def __init__(self, raw: RawDocument) -> None:
        self._bytes = raw

    @property
    def raw(self) -> RawDocument:
        """The bytes."""
        return self._bytes

    def __getattr__(self, name: str) -> Any:
        # Asked for what is not set: by the driver's class for its own attributes, or by `copy`.
        if name == "_bytes" or name.startswith("__"):
            raise AttributeError(name)
        super().__init__(self._bytes)
        return object.__getattribute__(self, name)


def small(document: RawDocument) -> Mapping[str, Any]:
    """Return a filter as the driver takes it fastest: it looks into a small one, which costs less as a dictionary."""
    if len(document) > _SMALL:
        return RawBSONDocument(document)
    decoded: dict[str, Any] = bson.decode(document, _FAITHFUL)  # pyright: ignore[reportUnknownMemberType]  # bson's own
    return decoded


def raw_update(update: RawDocument | RawPipeline) -> Mapping[str, Any] | list[RawBSONDocument]:
    """Return an update, operators or a pipeline, as the driver takes it fastest: it looks at the first operator."""
    return [RawBSONDocument(stage) for stage in update] if isinstance(update, tuple) else small(update)


def _for_command(options: Options) -> dict[str, Any]:
    return {_COMMAND_NAMES.get(name, name): value for name, value in _given(options).items()}


def _given(options: Options) -> dict[str, Any]:
    """The options that differ from their default, as the driver's types."""
    shape = _SHAPES[type(options)]
    values = shape.values(options)
    if values == shape.defaults:
        return {}
    return {
        name: _driver_value(name, value)
        for name, value, default in zip(shape.names, values, shape.defaults, strict=True)
        if value != default
    }


def _driver_value(name: str, value: Any) -> Any:
    if isinstance(value, timedelta):
        return milliseconds(value)
    if name in {"hint", "sort"}:
        return value if name == "hint" and isinstance(value, str) else fields_and_directions(value, name)
    if name in {"let", "collation"}:
        # The driver refuses a mapping that is not a dictionary.
        return dict(value)
    if name == "array_filters":
        return list(value)
    if name == "projection" and not is_mapping(value):
        # A field that was taken from a model names itself by its path.
        return [getattr(field, "path", field) for field in value]
    return value
