from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pytest
import typing_extensions
from bson import ObjectId

from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.codecs.dict_codec import DictCodec
from llm_devops_mongodb.codecs.pydantic_family import PydanticReader
from tests.unit.codecs.support import SETTINGS, codec_of, read, refused, stored

T = TypeVar("T")


class Struct(msgspec.Struct):
    x: int


class Model(pydantic.BaseModel):
    x: int


@dataclass
class Data:
    x: int


@pydantic.dataclasses.dataclass
class PydanticData:
    x: int


@attrs.define
class Attrs:
    x: int


class Typed(TypedDict):
    x: int


class Box(msgspec.Struct, Generic[T]):
    x: T


class ModelBox(pydantic.BaseModel, Generic[T]):
    x: T


@dataclass
class DataBox(Generic[T]):
    x: T


@pytest.mark.parametrize("kind", [dict, dict[str, Any], dict[str, object]])
def test_dict_may_be_spelled_with_its_parameters(kind: Any) -> None:
    assert isinstance(codec_of(kind), DictCodec)
    assert codec_of(kind).document_type is dict


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Struct, Struct(1)),
        (Model, Model(x=1)),
        (Data, Data(1)),
        (PydanticData, PydanticData(1)),
        (Attrs, Attrs(1)),
        (Typed, {"x": 1}),
        (Box[int], Box(1)),
        (ModelBox[int], ModelBox[int](x=1)),
        (DataBox[int], DataBox(1)),
    ],
)
def test_every_family_is_read_and_written(kind: Any, value: Any) -> None:
    codec = codec_of(kind)
    encoded = codec.encode(value)
    assert codec.document_type == kind
    assert codec.decode(encoded.raw) == value
    assert codec.decode_frame(encoded.raw * 2) == [value, value]
    assert stored(kind, value).keys() == {"_id", "x"}


@pytest.mark.parametrize("kind", [Box[int], ModelBox[int], DataBox[int]])
def test_a_generic_models_parameters_count(kind: Any) -> None:
    assert "expected int, found str" in str(refused(kind, {"x": "one"}))


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Row(msgspec.Struct, array_like=True):
    x: int


class Pair(NamedTuple):
    x: int


@dataclass
class Unresolved:
    x: Missing  # type: ignore[name-defined]  # noqa: F821  that it is missing is the point


class UnresolvedStruct(msgspec.Struct):
    x: Missing  # type: ignore[name-defined]  # noqa: F821  that it is missing is the point


class Forward(pydantic.BaseModel):
    x: Missing  # type: ignore[name-defined]  # noqa: F821  that it is missing is the point


class WithPath(msgspec.Struct):
    x: list[Path]


class Foreign:
    pass


@dataclass
class WithForeign:
    x: list[Foreign | None]


class TypedWithForeign(typing_extensions.TypedDict):
    x: dict[str, Foreign]


class WithRaw(msgspec.Struct):
    x: msgspec.Raw


class KeyedById(msgspec.Struct):
    x: dict[ObjectId, int]


class UnionOfStructs(msgspec.Struct):
    x: Struct | Row | None


@pytest.mark.parametrize(
    "kind",
    [
        *(int, str, object, list[int], dict[str, int], OrderedDict, Pair, Data | Struct, Any, T),
        *(Numbers, Row, Unresolved, UnresolvedStruct, Forward, WithPath, WithRaw, KeyedById, UnionOfStructs),
        *(WithForeign, TypedWithForeign),
    ],
)
def test_what_cannot_be_a_document_is_refused_at_once(kind: Any) -> None:
    with pytest.raises(TypeError):
        codec_of(kind)


def test_a_refusal_names_the_type_and_the_reason() -> None:
    with pytest.raises(TypeError, match=r"WithPath.*Path is no BSON value"):
        codec_of(WithPath)
    with pytest.raises(TypeError, match=r"Unresolved.*'Missing' is not defined"):
        codec_of(Unresolved)
    with pytest.raises(TypeError, match=r"msgspec .*WithForeign.*and pydantic .*WithForeign.*Foreign is no BSON value"):
        codec_of(WithForeign)
    with pytest.raises(TypeError, match="take dict, a pydantic model"):
        codec_of(int)


class WithLoose(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    x: int
    open: Foreign | None = pydantic.Field(default=None, exclude=True)


@dataclass
class WithValidator:
    x: Annotated[Foreign, pydantic.PlainValidator(lambda _: FOREIGN)]
    y: Annotated[Foreign, pydantic.BeforeValidator(lambda _: FOREIGN)]


FOREIGN = Foreign()


def test_a_class_that_bson_has_nothing_for_may_stand_where_the_model_makes_it_itself() -> None:
    assert read(WithLoose, stored(WithLoose, WithLoose(x=1, open=FOREIGN))) == WithLoose(x=1)
    assert read(WithValidator, {"x": 1, "y": 1}) == WithValidator(FOREIGN, FOREIGN)


@dataclass
class Cat:
    claws: int


@dataclass
class Dog:
    tricks: list[str]


@dataclass
class Owner:
    id: ObjectId | str | None
    pet: Cat | Dog
    home: Path


class Tagged(typing_extensions.TypedDict):
    _id: ObjectId | int
    pet: Cat | Dog


@pytest.mark.parametrize(
    ("kind", "value", "document"),
    [
        (
            Owner,
            Owner("ada", Dog(["sit"]), Path("/home")),
            {"_id": "ada", "pet": {"tricks": ["sit"]}, "home": "/home"},
        ),
        (Owner, Owner(ObjectId(b"x" * 12), Cat(4), Path()), None),
        (Tagged, {"_id": 7, "pet": Cat(4)}, {"_id": 7, "pet": {"claws": 4}}),
    ],
)
def test_what_msgspec_cannot_tell_apart_pydantic_reads(kind: Any, value: Any, document: dict[str, Any] | None) -> None:
    codec = codec_of(kind)
    assert isinstance(codec.family.reader, PydanticReader)  # type: ignore[attr-defined]  # a model's
    assert codec.decode(codec.encode(value).raw) == value
    assert document is None or stored(kind, value) == document


def test_faults_of_a_dataclass_that_pydantic_reads_are_told_alike() -> None:
    error = refused(Owner, {"_id": 1, "pet": {"claws": "x"}, "home": "/"})
    assert [each.path for each in error.faults][:2] == ["_id", "_id"]
    assert "pet.claws" in [each.path for each in error.faults]


def test_one_type_may_serve_many_settings_and_is_looked_at_once() -> None:
    first = codec_for(Struct, SETTINGS)
    second = codec_for(Struct, BsonSettings(uuid_representation="javaLegacy"))
    assert first.family is second.family  # type: ignore[attr-defined]  # a model's
    assert first != second


def test_a_recursive_model_is_read_and_written() -> None:
    assert read(Tree, {"name": "a", "kids": [{"name": "b", "kids": []}]}) == Tree("a", [Tree("b", [])])
    node = Node(name="a", kids=[Node(name="b")])
    assert read(Node, stored(Node, node)) == node


class Tree(msgspec.Struct):
    name: str
    kids: list[Tree]


class Node(pydantic.BaseModel):
    name: str
    kids: list[Node] = []
