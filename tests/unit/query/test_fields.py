"""Fields, taken from models and named by hand."""

from __future__ import annotations

import copy
import enum
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import bson
import msgspec
import pydantic
import pytest
from bson import ObjectId

from llm_devops_mongodb import Field, FilterBuilder, InvalidDocumentError, each, f, some
from llm_devops_mongodb.codecs import BsonSettings, codec_for
from llm_devops_mongodb.query.fields import name_of
from tests.families import FAMILIES

T = TypeVar("T")
Kilo = NewType("Kilo", int)


@dataclass
class Address:
    city: str
    id: int = 0


@dataclass
class Item:
    price: float
    sizes: list[int] = field(default_factory=list)


@dataclass
class Order:
    id: int
    home: Address
    items: list[Item]
    scores: dict[str, int]
    weight: Kilo
    label: Annotated[str, "short"]
    away: Address | None = None
    parent: Order | None = None
    tags: tuple[str, ...] = ()
    grid: list[list[int]] = field(default_factory=list)
    anything: Any = None
    loose: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "order"

    @property
    def total(self) -> float:
        return sum(item.price for item in self.items)


class Aliased(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)

    id: int = pydantic.Field(alias="_id")
    full_name: str = pydantic.Field(alias="fullName")
    dotted: str = pydantic.Field(default="", alias="a.b")
    hidden: str = pydantic.Field(default="", exclude=True)
    inner: Inner | None = None


class Point(NamedTuple):
    north: float
    east: float


class Placed(pydantic.BaseModel):
    at: Point = Point(0, 0)


class Inner(pydantic.BaseModel):
    in_metres: int = pydantic.Field(default=1, alias="inMetres")


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str
    other: str = msgspec.field(default="", name="else")
    id: int = msgspec.field(default=0, name="_id")


class Movie(TypedDict):
    cast: list[str]
    year: NotRequired[int]


@dataclass
class Box(Generic[T]):
    content: T


PATHS: dict[str, tuple[Any, Callable[[Any], Any], str]] = {
    "an attribute": (Order, lambda order: order.weight, "weight"),
    "a nested one": (Order, lambda order: order.home.city, "home.city"),
    "an optional one": (Order, lambda order: some(order.away).city, "away.city"),
    "an optional one, unsaid": (Order, lambda order: order.away.city, "away.city"),
    "a recursive one": (Order, lambda order: some(some(order.parent).parent).home.city, "parent.parent.home.city"),
    "the id": (Order, lambda order: order.id, "_id"),
    "the id of a part": (Order, lambda order: order.home.id, "home.id"),
    "the id of a part of its own kind": (Order, lambda order: some(order.parent).id, "parent.id"),
    "any element": (Order, lambda order: each(order.items).price, "items.price"),
    "the element found": (Order, lambda order: each(order.items, "$").price, "items.$.price"),
    "all elements": (Order, lambda order: each(order.items, "$[]").price, "items.$[].price"),
    "elements of a filter": (Order, lambda order: each(order.items, "$[dear]").price, "items.$[dear].price"),
    "an element": (Order, lambda order: order.items[0].price, "items.0.price"),
    "an element of a tuple": (Order, lambda order: order.tags[1], "tags.1"),
    "an array in an array": (Order, lambda order: each(each(order.items).sizes), "items.sizes"),
    "an array of arrays": (Order, lambda order: each(each(order.grid, "$[]")), "grid.$[]"),
    "a key": (Order, lambda order: order.scores["math"], "scores.math"),
    "an annotated one": (Order, lambda order: order.label, "label"),
    "within anything": (Order, lambda order: order.anything.is_open[3], "anything.is_open.3"),
    "within a loose one": (Order, lambda order: order.loose["a"].b, "loose.a.b"),
    "an alias": (Aliased, lambda aliased: aliased.full_name, "fullName"),
    "the id by its alias": (Aliased, lambda aliased: aliased.id, "_id"),
    "a nested alias": (Aliased, lambda aliased: some(aliased.inner).in_metres, "inner.inMetres"),
    "a part of a named tuple": (Placed, lambda placed: placed.at.east, "at.1"),
    "an item of a named tuple": (Placed, lambda placed: placed.at[0], "at.0"),
    "a renamed one": (Renamed, lambda renamed: renamed.first_name, "firstName"),
    "one with a name": (Renamed, lambda renamed: renamed.other, "else"),
    "a key of a typed dict": (Movie, lambda movie: movie["cast"], "cast"),
    "a key that may be absent": (Movie, lambda movie: movie["year"], "year"),
    "of a generic": (Box[Address], lambda box: box.content.city, "content.city"),
    "of a dict": (dict, lambda document: document["a"]["b"], "a.b"),
}


@pytest.mark.parametrize("case", PATHS)
def test_a_field_has_the_path_of_the_database(case: str) -> None:
    model, select, path = PATHS[case]
    assert f(model, select) == Field(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_s_path_is_where_the_codec_writes_it(family: str) -> None:
    model, value = FAMILIES[family]
    stored = bson.decode(codec_for(model, BsonSettings()).encode(value).raw)
    is_keyed = isinstance(value, dict)
    names = [*(value if is_keyed else model.__annotations__)]

    paths = [f(model, lambda it, name=name: it[name] if is_keyed else getattr(it, name)).path for name in names]

    assert sorted(paths) == sorted(stored)
    city = f(model, lambda it: it["address"]["city"] if is_keyed else it.address.city)
    assert stored["address"][city.path.split(".")[1]] == "Ulm"


UNKNOWN: dict[str, tuple[Any, Callable[[Any], Any], str]] = {
    "a misspelt one": (Order, lambda order: order.wieght, "did you mean.*weight"),
    "a misspelt nested one": (Order, lambda order: order.home.ctiy, "at 'home'.*did you mean.*city"),
    "a constant of the class": (Order, lambda order: order.kind, "stores no field 'kind'"),
    "a property": (Order, lambda order: order.total, "stores no field 'total'"),
    "one that is not written": (Aliased, lambda aliased: aliased.hidden, "stores no field 'hidden'"),
    "one whose alias has a dot": (Aliased, lambda aliased: aliased.dotted, "has no path"),
    "a key that a typed dict lacks": (Movie, lambda movie: movie["cats"], "did you mean.*cast"),
    "a field of an array": (Order, lambda order: order.items.price, "take each"),
    "an element of a document": (Order, lambda order: each(order.home), "not as an array"),
    "an array of arrays without a place": (Order, lambda order: each(each(order.grid)), "array of arrays"),
    "a place that is none": (Order, lambda order: each(order.items, "first").price, "the position 'first'"),
    "a place from the end": (Order, lambda order: order.items[-1], "from the end"),
    "a key with a dot": (Order, lambda order: order.scores["a.b"], "has no path"),
    "a key that is an operator": (Order, lambda order: order.scores["$set"], "has no path"),
    "the whole": (Order, lambda order: order, "the whole"),
    "no field": (Order, lambda _: 7, "not int"),
    "nothing": (Order, lambda _: None, "not NoneType"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_no_field_is_refused(case: str) -> None:
    model, select, told = UNKNOWN[case]
    with pytest.raises(InvalidDocumentError, match=told):
        f(model, select)


MISUSES: dict[str, Callable[[Any], Any]] = {
    "compared": lambda order: order.weight > 3,
    "equalled": lambda order: order.weight == 3,
    "asked for truth": lambda order: order.away or order.home,
    "called": lambda order: order.label.upper(),
    "looped over": lambda order: [item.price for item in order.items],
    "added to": lambda order: order.weight + 1,
    "added": lambda order: 1 + order.weight,
    "formatted": lambda order: f"{order.label}",
    "measured": lambda order: len(order.items),
    "searched": lambda order: "a" in order.tags,
    "hashed": lambda order: {order.label: 1},
    "negated": lambda order: -order.weight,
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_field_has_no_value_where_it_is_taken(misuse: str) -> None:
    with pytest.raises((TypeError, InvalidDocumentError), match=r"no value here|stores no field 'upper'"):
        f(Order, MISUSES[misuse])


def test_what_is_taken_shows_where_it_is() -> None:
    shown: list[str] = []
    f(Order, lambda order: shown.append(repr(order.home)) or order.home.city)
    assert shown == ["<stand-in for home>"]


def test_each_is_for_functions_that_take_a_field() -> None:
    with pytest.raises(TypeError, match="each"):
        each([1, 2])
    assert some("here") == "here"


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(TypeError):
        f(int, lambda number: number.real)


def test_a_field_is_a_value() -> None:
    named = Field[int]("a.b")

    assert named == Field("a.b")
    assert named != Field("a.c")
    assert named != "a.b"
    assert len({named, Field("a.b")}) == 1
    assert repr(named) == "Field('a.b')"
    assert str(named) == named.path == "a.b"
    assert pickle.loads(pickle.dumps(named)) == copy.deepcopy(named) == copy.copy(named) == named


def test_a_field_does_not_change() -> None:
    named = Field[int]("a")
    with pytest.raises(AttributeError, match="does not change"):
        named.path = "b"
    with pytest.raises(AttributeError, match="does not change"):
        del named.path
    with pytest.raises(AttributeError):
        named.other = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["", "a..b", ".a", "a.", "a\0b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidDocumentError):
        name_of(path)
    with pytest.raises(InvalidDocumentError):
        Field(path)


@pytest.mark.parametrize("given", [7, None, b"a", ["a"], ObjectId, bson.Code("a")])
def test_what_names_no_field_is_refused(given: Any) -> None:
    with pytest.raises(InvalidDocumentError, match="must be a str or a Field"):
        name_of(given)


def test_a_name_may_be_of_a_class_of_its_own() -> None:
    class Name(enum.StrEnum):
        AGE = "age"

    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "!"

    assert name_of(Name.AGE) == "age"
    assert name_of(Loud("age")) == "age"
    assert type(name_of(Loud("age"))) is str
    assert name_of(Field("age")) == "age"


def test_a_builder_takes_a_field_where_it_takes_a_name() -> None:
    weight = f(Order, lambda order: order.weight)
    assert FilterBuilder().gte(weight, Kilo(3)) == {"weight": {"$gte": 3}}
