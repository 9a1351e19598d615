from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

import attrs
import bson
import msgspec
import pydantic
import pytest
from bson import ObjectId
from pydantic import AliasChoices, AliasPath, BeforeValidator, ConfigDict, Field

from llm_devops_mongodb.codecs import PyObjectId
from tests.unit.codecs.support import codec_of, fault, read, refused, stored, unwritable

SOME = ObjectId("65f000000000000000000001")
MADE = ObjectId("65f000000000000000000002")


class StructField(msgspec.Struct):
    id: ObjectId | None = msgspec.field(name="_id", default=None)


class StructRename(msgspec.Struct, rename={"key": "_id"}):
    key: ObjectId | None = None


class StructPlain(msgspec.Struct, rename="camel"):
    id: ObjectId | None = None
    full_name: str = ""


class StructUnset(msgspec.Struct):
    id: ObjectId | msgspec.UnsetType = msgspec.field(name="_id", default=msgspec.UNSET)


class StructUnderscore(msgspec.Struct):
    _id: ObjectId | None = None


class Model(pydantic.BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class ModelAlias(Model):
    id: ObjectId | None = Field(default=None, alias="_id")


class ModelPlain(Model):
    id: ObjectId | None = None


class ModelValidation(Model):
    id: ObjectId | None = Field(default=None, validation_alias="_id")


class ModelSerialization(Model):
    id: ObjectId | None = Field(default=None, serialization_alias="_id")


class ModelBoth(Model):
    key: ObjectId | None = Field(default=None, validation_alias="_id", serialization_alias="_id")


class ModelChoices(Model):
    id: ObjectId | None = Field(
        default=None, validation_alias=AliasChoices("id", AliasPath("deep", "id"), "_id"), serialization_alias="id"
    )


class ModelGenerated(Model):
    model_config = ConfigDict(alias_generator=lambda name: f"_{name}")

    id: ObjectId | None = None


class ModelByName(Model):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)

    id: ObjectId | None = Field(default=None, alias="identity")


class ModelForbids(Model):
    model_config = ConfigDict(extra="forbid")

    id: ObjectId | None = None


class ModelWithPyObjectId(pydantic.BaseModel):
    id: PyObjectId | None = Field(default=None, alias="_id")


@pydantic.dataclasses.dataclass(config=ConfigDict(arbitrary_types_allowed=True))
class PydanticData:
    id: ObjectId | None = Field(default=None, alias="_id")


@dataclass
class Data:
    id: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class DataUnderscore:
    _id: ObjectId | None = None


@attrs.define
class Attrs:
    id: ObjectId | None = None


@attrs.frozen
class AttrsUnderscore:
    _id: ObjectId | None = None


MODELS: list[Any] = [
    *(StructField, StructRename, StructPlain, StructUnset, StructUnderscore),
    *(ModelAlias, ModelPlain, ModelValidation, ModelSerialization, ModelBoth, ModelChoices, ModelGenerated),
    *(ModelByName, ModelForbids, ModelWithPyObjectId, PydanticData, Data, DataUnderscore, Attrs, AttrsUnderscore),
]
each_model = pytest.mark.parametrize("kind", MODELS)


def id_of(value: Any) -> Any:
    """The id of a model, whatever it is called."""
    return next(getattr(value, name) for name in ("id", "_id", "key") if hasattr(value, name))


@each_model
def test_the_id_is_called_underscore_id_in_the_document_both_ways(kind: Any) -> None:
    found = read(kind, {"_id": SOME})

    assert id_of(found) == SOME
    encoded = codec_of(kind).encode(found)
    assert encoded.id == SOME
    document = bson.decode(encoded.raw)
    assert next(iter(document.items())) == ("_id", SOME)
    assert not {"id", "key", "identity"} & document.keys()


@each_model
def test_an_id_is_made_where_it_is_none_and_the_model_stays_as_it_was(kind: Any) -> None:
    value = kind()
    before = id_of(value)

    encoded = codec_of(kind).encode(value, new_id=lambda: MADE)

    assert id_of(value) is before
    assert encoded.id == MADE
    assert bson.decode(encoded.raw)["_id"] == MADE


@each_model
def test_a_plain_document_has_an_id_only_where_the_model_has_one(kind: Any) -> None:
    codec = codec_of(kind)
    assert not {"_id", "id", "key"} & codec.to_document(kind()).keys()
    assert codec.to_document(read(kind, {"_id": SOME}))["_id"] == SOME


@each_model
def test_the_path_of_a_bad_id_is_the_documents(kind: Any) -> None:
    path, message = fault(kind, {"_id": [1]})

    assert (path, message) == ("_id", "expected ObjectId, found list")


class Nested(msgspec.Struct):
    id: int
    inner: Inner


class Inner(msgspec.Struct):
    id: int


def test_only_the_id_at_the_top_is_mapped() -> None:
    assert stored(Nested, Nested(1, Inner(2))) == {"_id": 1, "inner": {"id": 2}}
    assert read(Nested, {"_id": 1, "inner": {"id": 2}}) == Nested(1, Inner(2))


@attrs.define
class AttrsComment:
    _id: int
    _text: str
    by: str


@attrs.define
class AttrsPost:
    comments: list[AttrsComment]
    id: ObjectId | None = None


def test_embedded_underscored_fields_of_attrs_classes_are_kept() -> None:
    post = AttrsPost([AttrsComment(1, "hi", "ada")], SOME)
    assert stored(AttrsPost, post) == {"_id": SOME, "comments": [{"_id": 1, "_text": "hi", "by": "ada"}]}
    assert read(AttrsPost, stored(AttrsPost, post)) == post


@attrs.define
class AttrsNode:
    _id: int
    _kids: list[AttrsNode]


def test_underscored_fields_of_an_attrs_class_that_holds_itself_are_kept() -> None:
    node = AttrsNode(1, [AttrsNode(2, [])])
    assert stored(AttrsNode, node) == {"_id": 1, "_kids": [{"_id": 2, "_kids": []}]}
    assert read(AttrsNode, stored(AttrsNode, node)) == node


class StructTwo(msgspec.Struct):
    id: int = 0
    key: int = msgspec.field(name="_id", default=0)


class ModelTwo(pydantic.BaseModel):
    id: int = 0
    key: int = Field(default=0, alias="_id")


@pytest.mark.parametrize("kind", [StructTwo, ModelTwo])
def test_the_alias_wins_over_a_field_called_id(kind: Any) -> None:
    assert stored(kind, read(kind, {"_id": 1, "id": 2})) == {"_id": 1, "id": 2}


class ModelElsewhere(pydantic.BaseModel):
    id: str = Field(alias="externalId")


def test_a_field_that_is_stored_under_another_name_is_no_id() -> None:
    encoded = codec_of(ModelElsewhere).encode(ModelElsewhere(externalId="x"), new_id=lambda: MADE)
    assert bson.decode(encoded.raw) == {"_id": MADE, "externalId": "x"}


def test_a_document_without_an_id_is_read_by_the_models_own_name() -> None:
    assert read(Data, {"id": SOME}) == Data(SOME)


class StructNone(msgspec.Struct):
    x: int


class StructStrict(msgspec.Struct, forbid_unknown_fields=True):
    x: int


class ModelNone(pydantic.BaseModel):
    x: int


class ModelStrict(pydantic.BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: int


@dataclass
class DataNone:
    x: int


@attrs.define
class AttrsNone:
    x: int


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (StructNone, StructNone(1)),
        (StructStrict, StructStrict(1)),
        (ModelNone, ModelNone(x=1)),
        (ModelStrict, ModelStrict(x=1)),
        (DataNone, DataNone(1)),
        (AttrsNone, AttrsNone(1)),
    ],
)
def test_a_model_without_an_id_is_stored_under_one_and_read_without(kind: Any, value: Any) -> None:
    encoded = codec_of(kind).encode(value, new_id=lambda: MADE)
    assert bson.decode(encoded.raw) == {"_id": MADE, "x": 1}
    assert codec_of(kind).decode(encoded.raw) == value
    assert codec_of(kind).decode_frame(encoded.raw * 2) == [value, value]


@pytest.mark.parametrize("kind", [StructStrict, ModelStrict])
def test_a_model_that_forbids_other_fields_still_does(kind: Any) -> None:
    assert fault(kind, {"_id": 1, "x": 1, "y": 2}) == ("y", "the model has no such field")


class ModelOpen(pydantic.BaseModel):
    model_config = ConfigDict(extra="allow")

    x: int


def test_a_model_that_keeps_other_fields_keeps_the_id_too() -> None:
    found = read(ModelOpen, {"_id": 7, "x": 1, "y": [2]})
    assert found.model_extra == {"_id": 7, "y": [2]}
    assert stored(ModelOpen, found) == {"_id": 7, "x": 1, "y": [2]}


class StructText(msgspec.Struct):
    id: str | None = msgspec.field(name="_id", default=None)


class ModelText(pydantic.BaseModel):
    id: str | None = Field(default=None, alias="_id")


class ModelUuid(pydantic.BaseModel):
    id: UUID | None = None


@dataclass
class DataNumber:
    id: int | None = None


class TypedText(TypedDict, total=False):
    _id: str


@pytest.mark.parametrize("kind", [StructText, ModelText, ModelUuid, DataNumber, TypedText])
def test_an_id_that_cannot_be_made_must_be_set(kind: Any) -> None:
    error = unwritable(kind, kind())
    assert str(error) == (f"the document has no _id, and {kind.__name__} cannot hold an ObjectId; set its id")
    assert error.path == "_id"
    assert codec_of(kind).to_document(kind()) == {}


class ModelTextOfObjectId(pydantic.BaseModel):
    id: Annotated[str, BeforeValidator(str)] | None = Field(default=None, alias="_id")


class ModelAnyId(pydantic.BaseModel):
    id: Any = None


class ModelCareless(pydantic.BaseModel):
    id: Any = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def look(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "name": values["name"]}


class ModelMore(pydantic.BaseModel):
    id: Any = None
    id_card: int = 0
    name: str


@pytest.mark.parametrize(
    "value",
    [ModelTextOfObjectId(), ModelAnyId(), ModelCareless.model_construct(), ModelMore(name="a")],
    ids=lambda value: type(value).__name__,
)
def test_an_id_is_made_where_the_models_own_code_takes_an_object_id(value: Any) -> None:
    assert codec_of(type(value)).encode(value, new_id=lambda: MADE).id == MADE


def test_a_typed_dict_names_its_id_either_way() -> None:
    class Underscored(TypedDict):
        _id: int

    class Plain(TypedDict):
        id: int

    assert stored(Underscored, {"_id": 1}) == stored(Plain, {"id": 1}) == {"_id": 1}
    assert read(Underscored, {"_id": 1}) == {"_id": 1}
    assert read(Plain, {"_id": 1}) == {"id": 1}


@dataclass
class Timed:
    id: datetime
    parts: list[int] = field(default_factory=list)


def test_the_id_of_an_insert_is_what_will_be_read_back() -> None:
    exact = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    encoded = codec_of(Timed).encode(Timed(exact))
    assert encoded.id == codec_of(Timed).decode(encoded.raw).id == exact.replace(microsecond=678_000)


def test_each_document_gets_an_id_of_its_own() -> None:
    counter = itertools.count()
    codec = codec_of(Data)
    ids = [codec.encode(Data(), new_id=lambda: ObjectId(next(counter).to_bytes(12))).id for _ in range(3)]
    assert len(set(ids)) == 3


def test_a_missing_id_is_told_as_such() -> None:
    class Needs(msgspec.Struct):
        id: int

    assert refused(Needs, {}).faults[0].path == "_id"
