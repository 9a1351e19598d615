"""The same document as each kind of model the library reads and writes.

Nested documents are models of the same kind. The key is a field `id` where the kind allows the plain name, and
the alias `_id` where users of that kind would write one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

import attrs
import msgspec
from bson import ObjectId
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.documents import Document


class UsageStruct(msgspec.Struct):
    account: ObjectId
    region: str
    attempts: int
    cost: float


class RequestStruct(msgspec.Struct):
    id: ObjectId = msgspec.field(name="_id")
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: UsageStruct


class UsageModel(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    account: ObjectId
    region: str
    attempts: int
    cost: float


class RequestModel(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: ObjectId = Field(alias="_id")
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: UsageModel


@dataclass
class UsageDataclass:
    account: ObjectId
    region: str
    attempts: int
    cost: float


@dataclass
class RequestDataclass:
    id: ObjectId
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: UsageDataclass


@attrs.define
class UsageAttrs:
    account: ObjectId
    region: str
    attempts: int
    cost: float


@attrs.define
class RequestAttrs:
    id: ObjectId
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: UsageAttrs


class UsageDict(TypedDict):
    account: ObjectId
    region: str
    attempts: int
    cost: float


class RequestDict(TypedDict):
    _id: ObjectId
    request: str
    provider: str
    deployment: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    latency: float
    streamed: bool
    created: datetime
    tags: list[str]
    usage: UsageDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of model: its class, how one is made of a document, and how one is read back to be checked."""

    name: str
    model: Any
    build: Callable[[Document], Any]
    plain: Callable[[Any], Document]


def with_plain_key(document: Document) -> Document:
    """The document with its `_id` under the name `id`."""
    renamed = dict(document)
    renamed["id"] = renamed.pop("_id")
    return renamed


def with_document_key(fields: Document) -> Document:
    """The fields with their `id` under the name `_id`."""
    renamed = dict(fields)
    renamed["_id"] = renamed.pop("id")
    return renamed


def _struct(document: Document) -> RequestStruct:
    return RequestStruct(**(with_plain_key(document) | {"usage": UsageStruct(**document["usage"])}))


def _struct_fields(model: RequestStruct) -> Document:
    return with_document_key(msgspec.structs.asdict(model) | {"usage": msgspec.structs.asdict(model.usage)})


def _dataclass(document: Document) -> RequestDataclass:
    return RequestDataclass(**(with_plain_key(document) | {"usage": UsageDataclass(**document["usage"])}))


def _attrs(document: Document) -> RequestAttrs:
    return RequestAttrs(**(with_plain_key(document) | {"usage": UsageAttrs(**document["usage"])}))


KINDS = (
    Kind(name="dict", model=dict, build=dict, plain=dict),
    Kind(name="typeddict", model=RequestDict, build=dict, plain=dict),
    Kind(name="msgspec", model=RequestStruct, build=_struct, plain=_struct_fields),
    Kind(
        name="pydantic",
        model=RequestModel,
        build=RequestModel.model_validate,
        plain=lambda model: model.model_dump(by_alias=True),
    ),
    Kind(
        name="dataclass",
        model=RequestDataclass,
        build=_dataclass,
        plain=lambda model: with_document_key(dataclasses.asdict(model)),
    ),
    Kind(
        name="attrs",
        model=RequestAttrs,
        build=_attrs,
        plain=lambda model: with_document_key(attrs.asdict(model)),
    ),
)
