from __future__ import annotations

import enum
import warnings
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pydantic
import pytest
import typing_extensions
from bson import Binary, Decimal128, Int64, ObjectId
from pydantic import (
    AnyUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)

from llm_devops_mongodb.codecs import PyObjectId
from tests.unit.codecs.support import codec_of, fault, read, refused, stored, unwritable

T = TypeVar("T")
SECRET = "hunter2"


class Stage(enum.Enum):
    LIVE = "live"


class Derived(BaseModel):
    model_config = ConfigDict(extra="forbid")

    price: Decimal
    hidden: str = Field(default="", exclude=True)
    _cache: int = PrivateAttr(default=1)

    @computed_field
    @property
    def double(self) -> Decimal:
        return self.price * 2


class Holder(BaseModel):
    one: Derived
    many: list[Derived] = []


def test_computed_excluded_and_private_fields_are_not_stored() -> None:
    holder = Holder(one=Derived(price=Decimal(1), hidden="x"), many=[Derived(price=Decimal(2))])

    document = stored(Holder, holder)

    assert document["one"] == {"price": Decimal128("1")}
    assert read(Holder, document) == Holder(one=Derived(price=Decimal(1)), many=[Derived(price=Decimal(2))])


class Fancy(BaseModel):
    url: HttpUrl
    any_url: AnyUrl
    home: Path
    address: IPv4Address
    payload: Json[list[int]]
    queue: deque[int]
    counts: dict[int, Decimal]
    by_stage: dict[Stage, date]
    by_run: dict[UUID, timedelta]
    alarm: time
    stages: set[Stage]
    text: Annotated[int, PlainSerializer(str), BeforeValidator(int)] = 1


def test_values_that_only_pydantic_knows_are_stored_as_text_and_come_back() -> None:
    fancy = Fancy(
        url="https://example.com/a",  # type: ignore[arg-type]  # pydantic makes one of it
        any_url="redis://h",  # type: ignore[arg-type]  # pydantic makes one of it
        home=Path("/home"),
        address=IPv4Address("10.0.0.1"),
        payload="[1, 2]",
        queue=deque([1]),
        counts={1: Decimal("1.5")},
        by_stage={Stage.LIVE: date(2026, 1, 2)},
        by_run={UUID(int=1): timedelta(1)},
        alarm=time(7),
        stages={Stage.LIVE},
        text=7,
    )
    document = stored(Fancy, fancy)
    assert (document["payload"], document["text"], document["stages"]) == ("[1,2]", "7", ["live"])
    assert document["by_stage"] == {"live": datetime(2026, 1, 2, tzinfo=UTC)}
    assert read(Fancy, document) == fancy


class WithSecret(BaseModel):
    inner: dict[str, SecretStr]


def test_a_secret_is_refused_rather_than_stored_as_stars() -> None:
    error = unwritable(WithSecret, WithSecret(inner={"a": SecretStr(SECRET)}))
    assert str(error) == "inner.a: a value of type SecretStr cannot be written as BSON"


class Animal(BaseModel):
    name: str


class Horse(Animal):
    height: int = 1


def test_a_value_of_a_subclass_is_written_whole() -> None:
    assert stored(Animal, Horse(name="a", height=2)).items() >= {"name": "a", "height": 2}.items()


@pydantic.dataclasses.dataclass
class Base:
    x: int = Field(alias="ex")


@pydantic.dataclasses.dataclass
class Child(Base):
    y: int = 2


def test_a_pydantic_dataclass_keeps_its_aliases_and_subclasses_are_written_whole() -> None:
    document = stored(Base, Child(ex=1))
    assert document.items() >= {"ex": 1, "y": 2}.items()
    assert read(Base, document) == Base(ex=1)


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)

    full_name: str = Field(alias="fullName")


def test_a_model_that_reads_names_only_is_written_by_names() -> None:
    assert stored(ByName, ByName(full_name="Ada"))["full_name"] == "Ada"
    assert read(ByName, {"full_name": "Ada"}) == ByName(full_name="Ada")


class Box(BaseModel, Generic[T]):
    item: T
    rest: list[Box[T]] = []


def test_a_generic_recursive_model_is_converted_at_every_depth() -> None:
    box = Box[Decimal](item=Decimal("1.5"), rest=[Box[Decimal](item=Decimal(2))])
    document = stored(Box[Decimal], box)
    assert document["rest"][0]["item"] == Decimal128("2")
    assert read(Box[Decimal], document) == box


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    price: Decimal


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    price: int


@dataclass
class Plain:
    price: Decimal


class Typed(typing_extensions.TypedDict):
    price: Decimal


class Zoo(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    tagged: Annotated[Cat | Dog, Field(discriminator="kind")]
    either: Cat | Dog
    aliased: Decimal = Field(alias="costOf")
    plain: Plain
    typed: Typed
    kept: Decimal128
    mixed: Decimal | str
    long: Int64
    blob: Binary
    pair: tuple[Decimal, int, Decimal]
    open_pair: tuple[Decimal, ...]
    anything: Any = None

    @field_validator("mixed", mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        return value

    @model_validator(mode="after")
    def check(self) -> Zoo:
        return self


def test_decimals_are_read_wherever_a_model_asks_for_them_and_nowhere_else() -> None:
    zoo = Zoo(
        tagged=Cat(price=Decimal("1.5")),
        either=Dog(price=1),
        costOf=Decimal("2.5"),
        plain=Plain(Decimal("3.5")),
        typed={"price": Decimal("4.5")},
        kept=Decimal128("5.5"),
        mixed=Decimal("6.5"),
        long=Int64(1),
        blob=Binary(b"x"),
        pair=(Decimal(1), 2, Decimal(3)),
        open_pair=(Decimal(4),),
        anything=Decimal128("7.5"),
    )
    document = stored(Zoo, zoo)
    assert document["anything"] == Decimal128("7.5")
    assert read(Zoo, document) == zoo
    assert read(Zoo, document).anything == Decimal128("7.5")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    stage: Stage
    stages: set[Stage]
    pair: tuple[Stage, date]
    frozen: frozenset[int]
    anything: tuple[Any, ...] = ()
    day: date
    alarm: time
    length: timedelta
    by_number: dict[int, Stage]
    either: Stage | int
    lax: Annotated[Decimal, Field(strict=False)]
    parent: PyObjectId
    nested: Strict | None = None
    listed: list[Strict] = []


def strict() -> Strict:
    return Strict(
        stage=Stage.LIVE,
        stages={Stage.LIVE},
        pair=(Stage.LIVE, date(2026, 1, 2)),
        frozen=frozenset({1}),
        anything=(1, "a"),
        day=date(2026, 1, 2),
        alarm=time(7),
        length=timedelta(1),
        by_number={1: Stage.LIVE},
        either=5,
        lax=Decimal(1),
        parent=ObjectId(b"x" * 12),
    )


def test_what_a_strict_model_was_written_as_can_be_read() -> None:
    value = strict()
    value.nested, value.listed = strict(), [strict()]
    assert read(Strict, stored(Strict, value)) == value


@pytest.mark.parametrize(
    ("changed", "path", "message"),
    [
        ({"stage": SECRET}, "stage", "expected Stage, found str"),
        ({"stage": [1]}, "stage", "expected Stage, found list"),
        ({"stages": [["live"]]}, "stages", "expected set, found list"),
        ({"stages": SECRET}, "stages", "expected set, found str"),
        ({"alarm": SECRET}, "alarm", "expected time, found str"),
        ({"length": 5}, "length", "expected timedelta, found int"),
        ({"by_number": {"x": "live"}}, "by_number.x", "expected int, found str"),
        ({"by_number": 7}, "by_number", "expected dict, found int"),
        ({"day": datetime(2026, 1, 2, 3, tzinfo=UTC)}, "day", "expected date, found datetime"),
        ({"lax": SECRET}, "lax", "expected Decimal, found str"),
        ({"parent": str(ObjectId())}, "parent", "expected ObjectId, found str"),
    ],
)
def test_a_strict_model_still_is_strict(changed: dict[str, Any], path: str, message: str) -> None:
    assert fault(Strict, {**stored(Strict, strict()), **changed}) == (path, message)


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    zip: int
    city: str = ""


def fussy(value: str) -> str:
    if value == SECRET:
        raise ValueError(f"not {value}")
    return value


class Everything(BaseModel):
    number: int = 0
    ratio: float = 0.0
    word: Annotated[str, BeforeValidator(fussy)] = ""
    flag: bool = False
    data: bytes = b""
    stage: Stage = Stage.LIVE
    choice: Literal["a", "b"] = "a"
    parent: PyObjectId | None = None
    run: UUID | None = None
    at: datetime | None = None
    day: date | None = None
    length: timedelta | None = None
    cost: Decimal | None = None
    nothing: None = None
    address: Address | None = None
    plain: Plain | None = None
    tags: list[str] = []
    pair: tuple[int, int] = (1, 2)
    prices: dict[str, int] = {}
    counts: dict[int, int] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    short: Annotated[str, Field(max_length=3)] = ""


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"number": SECRET}, "number", "expected int, found str"),
        ({"number": 1.5}, "number", "expected int, found float"),
        ({"number": None}, "number", "expected int, found None"),
        ({"ratio": SECRET}, "ratio", "expected float, found str"),
        ({"word": 7}, "word", "expected str, found int"),
        ({"word": SECRET}, "word", "refused by the rule value_error, found str"),
        ({"flag": 7}, "flag", "expected bool, found int"),
        ({"data": 7}, "data", "expected bytes, found int"),
        ({"stage": SECRET}, "stage", "expected one of the allowed values, found str"),
        ({"choice": SECRET}, "choice", "expected one of the allowed values, found str"),
        ({"parent": SECRET}, "parent", "expected ObjectId, found str"),
        ({"run": SECRET}, "run", "expected UUID, found str"),
        ({"at": SECRET}, "at", "expected datetime, found str"),
        ({"length": SECRET}, "length", "expected timedelta, found str"),
        ({"day": SECRET}, "day", "expected date, found str"),
        (
            {"day": datetime(2026, 1, 2, 3, tzinfo=UTC)},
            "day",
            "refused by the rule date_from_datetime_inexact, found datetime",
        ),
        ({"cost": SECRET}, "cost", "expected Decimal, found str"),
        ({"nothing": 7}, "nothing", "expected None, found int"),
        ({"address": {"zip": SECRET}}, "address.zip", "expected int, found str"),
        ({"address": {}}, "address.zip", "a required field is missing"),
        ({"address": [SECRET]}, "address", "expected dict, found list"),
        ({"address": {"zip": 1, "more": SECRET}}, "address.more", "the model has no such field"),
        ({"plain": 7}, "plain", "expected dict, found int"),
        ({"tags": ["a", "b", "c", 4]}, "tags.3", "expected str, found int"),
        ({"pair": [1]}, "pair.1", "a required field is missing"),
        ({"prices": {"gpt-4": 1, "gpt.5": SECRET}}, "prices.gpt.5", "expected int, found str"),
        ({"counts": {"1": SECRET}}, "counts.1", "expected int, found str"),
        ({"counts": {"x": 1}}, "counts.x", "expected int, found str"),
        ({"pet": {"kind": SECRET}}, "pet", "expected one of the allowed values, found dict"),
        ({"pet": {"kind": "cat"}}, "pet.price", "a required field is missing"),
        ({"short": SECRET}, "short", "refused by the rule string_too_long, found str"),
    ],
)
def test_a_fault_is_told_by_path_and_type_and_never_by_value(document: Any, path: str, message: str) -> None:
    error = refused(Everything, {"_id": 7, **document})
    assert [(each.path, each.message) for each in error.faults] == [(path, message)]
    assert error.document_id == 7
    assert error.__cause__ is None
    assert SECRET not in str(error)


def test_every_fault_is_kept_and_the_first_are_told() -> None:
    error = refused(Everything, {"number": "x", "ratio": "x", "tags": [1, 2, 3]})
    assert [each.path for each in error.faults] == ["number", "ratio", "tags.0", "tags.1", "tags.2"]
    assert "tags.0: expected str, found int; and 2 more" in str(error)


def test_a_field_that_holds_another_type_than_it_says_is_stored_without_a_warning() -> None:
    model = Address(zip=1)
    model.zip = SECRET  # type: ignore[assignment]  # that is the point
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stored(Address, model)["zip"] == SECRET


class Broken(BaseModel):
    x: int = 1

    @model_serializer
    def dump(self) -> Any:
        raise KeyError(SECRET)


class Odd(BaseModel):
    x: int = 1

    @model_serializer
    def dump(self) -> Any:
        return [self.x]


class Ring(BaseModel):
    next: Any = None


def test_a_serializer_that_fails_is_told_without_its_text() -> None:
    assert str(unwritable(Broken, Broken())) == "pydantic cannot serialize this Broken"
    assert str(unwritable(Odd, Odd())) == "the serializer of Odd makes no dict"
    ring = Ring()
    ring.next = ring
    assert str(unwritable(Ring, ring)) == "next.next: a value of type Ring cannot be written as BSON"


@pytest.mark.parametrize("value", [None, {"zip": 1}, Horse(name="a")])
def test_a_value_of_another_type_is_refused_by_name(value: Any) -> None:
    assert str(unwritable(Address, value)) == f"expected Address, got {type(value).__name__}"


class WithContainers(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, strict=True)

    bare_list: list  # type: ignore[type-arg]  # bare is the point
    bare_tuple: tuple  # type: ignore[type-arg]  # bare is the point
    bare_dict: dict  # type: ignore[type-arg]  # bare is the point
    bare_set: set  # type: ignore[type-arg]  # bare is the point


def test_containers_of_anything_are_read_in_strict_models_too() -> None:
    value = WithContainers(bare_list=[1], bare_tuple=(1,), bare_dict={"a": 1}, bare_set={1})
    assert read(WithContainers, stored(WithContainers, value)) == value


def test_the_strings_of_json_fields_are_left_alone() -> None:
    class Text(BaseModel):
        cost: Json[Decimal]

    assert read(Text, {"cost": "1.5"}).cost == Decimal("1.5")


def test_many_documents_are_read_at_once_and_the_first_bad_one_is_told() -> None:
    class Point(BaseModel):
        id: int = Field(alias="_id")
        x: int

    codec = codec_of(Point)
    good = codec.encode(Point(_id=1, x=1)).raw
    bad = codec_of(dict).encode({"_id": 2, "x": SECRET}).raw

    assert codec.decode_frame(good * 2000) == [Point(_id=1, x=1)] * 2000
    with pytest.raises(type(refused(Point, {}))) as caught:
        codec.decode_frame(good * 2000 + bad + good, namespace="db.points")
    assert str(caught.value) == (
        "db.points: the document with _id 2 cannot be read as Point: x: expected int, found str"
    )
