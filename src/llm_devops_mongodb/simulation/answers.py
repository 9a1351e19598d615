"""Replies and errors as JSON, and back: a `kind` for the class, and its attributes by their names."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, get_args

import bson

from llm_devops_mongodb import errors as known
from llm_devops_mongodb.errors import MongoError, SimulationError
from llm_devops_mongodb.replies import ChangeStreamReply, CursorReply, HealthReply, Reply
from llm_devops_mongodb.results import BulkWriteResult, HealthStatus, InsertManyResult, PoolStatus
from llm_devops_mongodb.simulation.describing import name_of
from llm_devops_mongodb.simulation.documents import UNREADABLE, is_array, packed, raw_of, read
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bson.codec_options import CodecOptions

_REPLIES: dict[str, type[Any]] = {name_of(kind).removesuffix("_reply"): kind for kind in get_args(Reply)}
_RESULTS: dict[str, type[Any]] = {
    name_of(kind).removesuffix("_result"): kind for kind in (InsertManyResult, BulkWriteResult)
}
_ERRORS: dict[str, type[MongoError]] = {
    name: kind for name, kind in vars(known).items() if isinstance(kind, type) and issubclass(kind, MongoError)
}
_FAULTS: dict[type[MongoError], type[Any]] = {
    known.ConfigError: known.ConfigFault,
    known.DeserializationError: known.FieldFault,
}
_USUAL = {"code", "code_name", "labels", "is_timeout", "outcome"}
"""What every error has, and is left out where it says nothing."""

_IDS = {"inserted_ids", "upserted_ids"}


class Form(NamedTuple):
    """How documents and values are written into a recording, and read from it.

    Attributes:
        options: How values are written as BSON, and read.
        pack: Makes JSON of a document.
        unpack: Makes a document of that JSON.
        live: Puts the values of this run into a document of the recording.
    """

    options: CodecOptions[Any]
    pack: Callable[[bytes], Any] = packed
    unpack: Callable[[Mapping[str, Any]], bytes] = raw_of
    live: Callable[[bytes], bytes] = bytes

    def packed_value(self, name: str, value: Any) -> Any:
        """Make JSON of a value: a document that holds it."""
        return self.pack(bson.encode({name: value}, codec_options=self.options))

    def unpacked_value(self, name: str, told: Mapping[str, Any]) -> Any:
        """Return the value that `packed_value` made JSON of."""
        return read(self.live(self.unpack(told)), self.options)[name]


def told_reply(reply: Reply, form: Form) -> dict[str, Any]:
    """Return a reply as JSON. What a stream gives is told part by part."""
    kind = name_of(type(reply)).removesuffix("_reply")
    match reply:
        case CursorReply():
            return {"kind": kind}
        case ChangeStreamReply(operation_time=time):
            return {"kind": kind, "opened": None if time is None else form.packed_value("operation_time", time)}
        case HealthReply(status=status):
            return {"kind": kind, **_told_health(status)}
        case _:
            return {"kind": kind, **{each.name: _told(getattr(reply, each.name), form) for each in fields(reply)}}


def reply_of(told: Mapping[str, Any], form: Form) -> Reply:
    """Return the reply that `told_reply` told; it is not asked of a stream.

    Raises:
        SimulationError: It is of a kind that is not known.
    """
    kind = _REPLIES.get(told["kind"])
    if kind is None:
        raise SimulationError(f"the recording holds a reply of a kind that is not known: {told['kind']!r}")
    if kind is HealthReply:
        return HealthReply(_health_of(told))
    reply: Reply = kind(**{each.name: _untold(told[each.name], form) for each in fields(kind)})
    return reply


def told_error(error: MongoError, form: Form) -> dict[str, Any]:
    """Return an error as JSON: everything it tells that is not what it tells by default."""
    told = {name: _told_attribute(name, value, form) for name, value in vars(error).items() if _is_telling(name, value)}
    return {"kind": type(error).__name__, **told}


def error_of(told: Mapping[str, Any], form: Form) -> MongoError:
    """Return the error that `told_error` told: of the same class, and telling the same.

    Raises:
        SimulationError: Its class is not one of this library's.
    """
    kind = _ERRORS.get(told["kind"])
    if kind is None:
        raise SimulationError(f"the recording holds an error of a class that is not known: {told['kind']!r}")
    # As when it is unpickled: its attributes are its whole state, and its class would ask for arguments of its own.
    error = kind.__new__(kind, told["message"])
    MongoError.__init__(error, told["message"], is_timeout=False)
    for name, value in told.items():
        if name == "faults":
            vars(error)[name] = tuple(_FAULTS[kind](**fault) for fault in value)
        elif name != "kind":
            setattr(error, name, _attribute(name, value, form))
    return error


def _told(value: Any, form: Form) -> Any:
    if isinstance(value, bytes):
        return form.pack(value)
    return [_told(member, form) for member in value] if _is_tuple(value) else value


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _untold(value: Any, form: Form) -> Any:
    if is_mapping(value):
        return form.unpack(value)
    return tuple(_untold(member, form) for member in value) if is_array(value) else value


def _is_telling(name: str, value: Any) -> bool:
    # Without its notes: they are for whoever reads a traceback.
    return not name.startswith("_") and (name not in _USUAL or bool(value))


def _told_attribute(name: str, value: Any, form: Form) -> Any:
    match name:
        case "labels":
            return sorted(value)
        case "write_errors":
            return [[index, told_error(error, form)] for index, error in value.items()]
        case "write_concern_errors":
            return [told_error(error, form) for error in value]
        case "faults":
            return [{each.name: getattr(fault, each.name) for each in fields(fault)} for fault in value]
        case _:
            return _told_value(name, value, form)


def _told_value(name: str, value: Any, form: Form) -> Any:
    match value:
        case MongoError():
            return told_error(value, form)
        case timedelta():
            return value.total_seconds()
        case InsertManyResult() | BulkWriteResult():
            return _told_result(value, form)
        case None | str() | int() | float():
            return value
        case _:
            return _told_or_not(name, value, form)


def _told_or_not(name: str, value: Any, form: Form) -> Any:
    try:
        return form.packed_value(name, value)
    except UNREADABLE:
        # It is no value of BSON, and the program that is recorded must not fail for it.
        return None


def _attribute(name: str, value: Any, form: Form) -> Any:
    match name:
        case "labels":
            found: Any = frozenset(value)
        case "timeout":
            found = None if value is None else timedelta(seconds=value)
        case "result":
            found = _result_of(value, form)
        case "write_errors":
            found = {index: error_of(error, form) for index, error in value}
        case "write_concern_errors":
            found = tuple(error_of(error, form) for error in value)
        case "ended_by":
            found = None if value is None else error_of(value, form)
        case _:
            found = form.unpacked_value(name, value) if is_mapping(value) else value
    return found


def _told_result(result: InsertManyResult | BulkWriteResult, form: Form) -> dict[str, Any]:
    told = {each.name: getattr(result, each.name) for each in fields(result)}
    for name in _IDS & told.keys():
        told[name] = [[index, form.packed_value("_id", id_)] for index, id_ in told[name].items()]
    return {"kind": name_of(type(result)).removesuffix("_result"), **told}


def _result_of(told: Mapping[str, Any], form: Form) -> InsertManyResult | BulkWriteResult:
    members = {name: value for name, value in told.items() if name != "kind"}
    for name in _IDS & members.keys():
        ids: Sequence[tuple[int, Mapping[str, Any]]] = members[name]
        members[name] = {index: form.unpacked_value("_id", document) for index, document in ids}
    result: InsertManyResult | BulkWriteResult = _RESULTS[told["kind"]](**members)
    return result


def _told_health(status: HealthStatus) -> dict[str, Any]:
    told = {each.name: getattr(status, each.name) for each in fields(status)}
    latency, pool = status.latency, status.pool
    told["latency"] = None if latency is None else latency.total_seconds()
    told["pool"] = None if pool is None else {each.name: getattr(pool, each.name) for each in fields(pool)}
    return told


def _health_of(told: Mapping[str, Any]) -> HealthStatus:
    members = {name: value for name, value in told.items() if name != "kind"}
    members["members"] = tuple(told["members"])
    members["latency"] = None if told["latency"] is None else timedelta(seconds=told["latency"])
    members["pool"] = None if told["pool"] is None else PoolStatus(**told["pool"])
    return HealthStatus(**members)
