"""Operations as documents: what was asked, by the names of its arguments, whichever way it was spelled."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import bson
from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.namespace import Namespace
from llm_devops_mongodb.resume_token import ResumeToken
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import is_mapping, is_sequence, is_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bson.codec_options import CodecOptions

    from llm_devops_mongodb.operations import Operation, SessionRef

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MILLISECOND = timedelta(milliseconds=1)
_ENVELOPE = {"namespace", "settings", "session", "timeout"}
_ORDERS = {"sort", "hint"}
_FIELDS = {"projection"}
# How long a caller waits is its own business: what comes back in time is the same.
_LIMITS = {"timeout", "resume_limit"}


class Asked(NamedTuple):
    """An operation as it is recorded and looked for.

    Attributes:
        operation: Its name, such as `find_one`.
        namespace: `database.collection`, or the database; None where it has none.
        session: The session it is part of; None is none.
        request: Its arguments, as BSON.
    """

    operation: str
    namespace: str | None
    session: SessionRef | None
    request: bytes


def described(operation: Operation, options: CodecOptions[Any]) -> Asked:
    """Describe an operation.

    Args:
        operation: What is asked.
        options: How the values in it are written as BSON.
    """
    shape = _shape_of(_kind_of(operation))
    request: dict[str, Any] = {}
    for name, value in zip(shape.names, shape.values(operation), strict=True):
        told = _told(name, value)
        if told is not None:
            request[name] = told
    settings = getattr(operation, "settings", None)
    if settings is not None and (told := _options(settings)):
        request["settings"] = told
    session: SessionRef | None = getattr(operation, "session", None)
    # The retry policy gives a write a session of its own, which is no part of what was asked.
    if session is not None and session.attempt:
        session = None
    namespace: Namespace | None = getattr(operation, "namespace", None)
    return Asked(
        shape.operation,
        None if namespace is None else (str(namespace) if namespace.collection else namespace.database),
        session,
        bson.encode(request, codec_options=options),
    )


class _Shape(NamedTuple):
    """How to take an operation, or an options value, apart."""

    operation: str
    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    defaults: tuple[Any, ...]


@cache
def _shape_of(kind: Any) -> _Shape:
    chosen = [field for field in fields(kind) if field.name not in _ENVELOPE]
    names = tuple(field.name for field in chosen)
    return _Shape(name_of(kind), names, _reader(names), tuple(field.default for field in chosen))


def _kind_of(value: Any) -> Any:
    # To a type checker the type of a dataclass has the hash of its instances.
    return type(value)  # pyright: ignore[reportUnknownVariableType]  # as its parameter is


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda _: ()
    # For one name it gives a value, not a tuple.
    name, *others = names
    return attrgetter(*names) if others else lambda value: (getattr(value, name),)


def name_of(kind: type) -> str:
    """Return the name of a kind of operation, reply or write: that of the method, such as `find_one`."""
    return _HUMP.sub("_", kind.__name__).lower()


def _told(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return RawBSONDocument(value)
    if _is_tuple(value):
        return [_told(name, member) for member in value]
    if isinstance(value, Namespace):
        return str(value)
    if isinstance(value, (op.InsertWrite, op.UpdateWrite, op.ReplaceWrite, op.DeleteWrite)):
        shape = _shape_of(_kind_of(value))
        members = zip(shape.names, shape.values(value), strict=True)
        told = {name: _told(name, member) for name, member in members}
        return {shape.operation: {name: member for name, member in told.items() if member is not None}}
    return _options(value) or None if is_dataclass(value) else value


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _options(options: Any) -> dict[str, Any]:
    """Return what an options value says other than its defaults."""
    shape = _shape_of(_kind_of(options))
    values = shape.values(options)
    if values == shape.defaults:
        return {}
    return {
        name: _option(name, value)
        for name, value, default in zip(shape.names, values, shape.defaults, strict=True)
        if name not in _LIMITS and (value != default or type(value) is not type(default))
    }


def _option(name: str, value: Any) -> Any:
    if name in _ORDERS and not (name == "hint" and is_text(value)):
        # Documents keep the order of their fields.
        return fields_and_directions(value, name)
    if name in _FIELDS and is_sequence(value):
        return {str(getattr(field, "path", field)): 1 for field in value}
    return _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            plain: Any = -(-value // _MILLISECOND)
        case Enum():
            plain = value.value
        case ResumeToken():
            plain = value.as_document()
        case _ if is_dataclass(value):
            plain = _options(value) or {"default": True}
        case _:
            plain = dict(value) if is_mapping(value) else value
    return plain
