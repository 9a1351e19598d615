from __future__ import annotations

import enum
import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest
from bson import Decimal128, Int64, ObjectId, Regex
from msgspec import UNSET, Meta, UnsetType

from tests.unit.codecs.support import codec_of, fault, read, refused, stored, unwritable


class Cat(msgspec.Struct, tag="cat"):
    price: Decimal
    born: date | None = None


class Dog(msgspec.Struct, tag="dog"):
    price: Decimal128


class Owner(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    full_name: str
    pet_list: list[Cat | Dog] = []
    note: str | UnsetType = UNSET
    age: int = 0


def test_tags_renames_defaults_and_unset_fields_are_the_structs_own() -> None:
    owner = Owner(full_name="Ada", pet_list=[Cat(Decimal("1.5"), date(2026, 1, 2)), Dog(Decimal128("2"))])

    document = stored(Owner, owner)

    del document["_id"]
    assert document == {
        "fullName": "Ada",
        "petList": [
            {"type": "cat", "price": Decimal128("1.5"), "born": datetime(2026, 1, 2, tzinfo=UTC)},
            {"type": "dog", "price": Decimal128("2")},
        ],
    }
    assert read(Owner, document) == owner


class Row(msgspec.Struct, array_like=True):
    name: str
    price: Decimal


class Place(NamedTuple):
    name: str
    since: date


class Table(msgspec.Struct):
    rows: list[Row]
    places: list[Place]
    described: Annotated[Decimal, Meta(description="a price")]
    pair: tuple[int, date]
    plain: tuple[int, str] = (1, "a")


def test_values_inside_arrays_are_converted_by_their_position() -> None:
    table = Table([Row("a", Decimal(1))], [Place("b", date(2026, 1, 2))], Decimal("1.5"), (1, date(2026, 1, 3)))
    assert read(Table, stored(Table, table)) == table
    assert fault(Table, {"rows": [["a"]], "places": [], "described": 1, "pair": []})[0] == "rows.0"


class Many(msgspec.Struct):
    by_run: dict[UUID, Owner]
    pets: dict[UUID, Cat]
    row: Row


def test_names_that_msgspec_does_not_write_are_written_as_text() -> None:
    run = UUID(int=1)
    many = Many({run: Owner(full_name="Ada")}, {run: Cat(Decimal(1))}, Row("a", Decimal(2)))

    document = stored(Many, many)

    assert document["by_run"][str(run)]["fullName"] == "Ada"
    assert "note" not in document["by_run"][str(run)]
    assert document["pets"][str(run)] == {"type": "cat", "price": Decimal128("1"), "born": None}
    assert document["row"] == ["a", Decimal128("2")]
    assert read(Many, document) == many


class Loose(msgspec.Struct):
    value: Any


class Name(str):
    __slots__ = ()


class Moment(datetime):
    pass


@dataclass
class Held:
    at: datetime
    _hidden: int = 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (PurePosixPath("/a"), "/a"),
        (Name("a"), "a"),
        (Moment(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        ({1: "a", 2.5: "b"}, {"1": "a", "2.5": "b"}),
        ({ObjectId(b"x" * 12): 1}, {str(ObjectId(b"x" * 12)): 1}),
        ({date(2026, 1, 2): UUID(int=1)}, {"2026-01-02": UUID(int=1)}),
        ([{1}, (2,), frozenset()], [[1], [2], []]),
        (Held(datetime(2026, 1, 2, tzinfo=UTC)), {"at": datetime(2026, 1, 2, tzinfo=UTC), "_hidden": 1}),
        (memoryview(b"x"), b"x"),
    ],
)
def test_what_an_any_field_holds_is_written_by_what_it_is(value: Any, written: Any) -> None:
    assert stored(Loose, Loose(value))["value"] == written
    # The second one makes msgspec give up, so that the slow way must do the same.
    assert stored(Loose, Loose([value, {UUID(int=7): value}]))["value"] == [written, {str(UUID(int=7)): written}]


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ([{"a": object()}], "value.0.a", "a value of type object cannot be written as BSON"),
        ([{"a": "secret\ud800"}], "value.0.a", "a value of type str is not valid Unicode"),
        ({"a": 2**64}, "value.a", "a value of type int has more than the 64 bits of a BSON integer"),
        ({None: 1}, "value", "field names must be str, not NoneType"),
        ({(1, 2): 1}, "value", "field names must be str, not tuple"),
        (Held(object()), "value.at", "a value of type object cannot be written as BSON"),  # type: ignore[arg-type]  # it is
    ],
)
def test_what_cannot_be_written_is_told_by_path(value: Any, path: str, reason: str) -> None:
    error = unwritable(Loose, Loose(value))
    assert (error.path, str(error)) == (path, f"{path}: {reason}")
    assert error.__cause__ is None


@attrs.define
class Ring:
    _next: list[Ring] | None = None


@pytest.mark.parametrize("kind", [Loose, Ring])
def test_a_model_that_holds_itself_is_refused(kind: Any) -> None:
    value = kind(None)
    held = [value]
    value.__setattr__("value" if kind is Loose else "_next", held)
    assert str(unwritable(kind, value)) == "the document is nested too deeply, or holds itself"


@pytest.mark.parametrize("value", [None, 1, {"value": 1}, Held(datetime(2026, 1, 2, tzinfo=UTC))])
def test_a_value_of_another_type_is_refused_by_name(value: Any) -> None:
    assert str(unwritable(Loose, value)) == f"expected Loose, got {type(value).__name__}"
    with pytest.raises(type(unwritable(Loose, value))):
        codec_of(Loose).to_document(value)


class Looser(Loose):
    more: int = 1


def test_a_value_of_a_subclass_is_written_whole() -> None:
    assert stored(Loose, Looser(1, 2)).items() >= {"value": 1, "more": 2}.items()


@dataclass
class Counted:
    n: int
    doubled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"Expected `{self.n}` - at `$.secret`")
        self.doubled = self.n * 2

    @cached_property
    def expensive(self) -> int:
        return self.n


def test_a_dataclass_keeps_its_fields_only_and_is_made_by_its_own_rules() -> None:
    counted = Counted(2)
    assert counted.expensive == 2
    document = stored(Counted, counted)
    assert document.keys() == {"_id", "n", "doubled"}
    assert read(Counted, document) == counted


def test_the_text_of_a_models_own_error_is_not_shown() -> None:
    path, message = fault(Counted, {"n": -42})
    assert (path, message) == ("", "the model refuses this dict")


def positive(instance: Any, attribute: Any, value: int) -> None:
    if value < 0:
        raise ValueError(f"secret {value}")


@attrs.frozen
class Checked:
    n: int = attrs.field(validator=positive, converter=lambda value: value)
    inner: Checked | None = None


def test_an_attrs_class_is_made_by_its_validators() -> None:
    checked = Checked(1, Checked(2))
    assert read(Checked, stored(Checked, checked)) == checked
    assert fault(Checked, {"n": 1, "inner": {"n": -1}}) == ("inner", "the model refuses this dict")


class Partial(TypedDict):
    a: int
    b: NotRequired[date]
    held: NotRequired[Held]


def test_a_typed_dict_may_lack_what_is_not_required_and_loses_what_it_does_not_know() -> None:
    assert read(Partial, {"a": 1, "zzz": 2}) == {"a": 1}
    value: Partial = {"a": 1, "b": date(2026, 1, 2), "held": Held(datetime(2026, 1, 2, tzinfo=UTC))}
    assert read(Partial, stored(Partial, value)) == value
    assert stored(Partial, msgspec.structs.asdict(Loose(1)))["value"] == 1


def test_a_typed_dict_must_be_a_mapping() -> None:
    assert str(unwritable(Partial, [1])) == "expected Partial, got list"


class Colour(enum.Enum):
    RED = "red"


class Address(msgspec.Struct):
    zip: int
    city: str = ""


class Everything(msgspec.Struct, forbid_unknown_fields=True):
    number: int = 0
    ratio: float = 0.0
    word: str = ""
    flag: bool = False
    colour: Colour = Colour.RED
    choice: Literal["a", "b"] = "a"
    parent: ObjectId | None = None
    long: Int64 | None = None
    run: UUID | None = None
    at: datetime | None = None
    day: date | None = None
    cost: Decimal | None = None
    address: Address | None = None
    tags: list[str] = []
    pair: tuple[int, int] = (1, 2)
    prices: dict[str, Decimal] = {}
    nested: dict[str, dict[str, list[int]]] = {}
    counts: dict[int, int] = {}
    pet: Cat | Dog | None = None
    short: Annotated[str, Meta(max_length=3)] = ""
    small: Annotated[int, Meta(ge=0, lt=10)] = 1
    coded: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    either: int | str | None = None


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"number": SECRET}, "number", "expected int, found str"),
        ({"number": True}, "number", "expected int, found bool"),
        ({"number": 1.5}, "number", "expected int, found float"),
        ({"number": None}, "number", "expected int, found None"),
        ({"ratio": SECRET}, "ratio", "expected float, found str"),
        ({"word": ObjectId()}, "word", "expected str, found ObjectId"),
        ({"flag": 1}, "flag", "expected bool, found int"),
        ({"colour": SECRET}, "colour", "expected one of the allowed values, found str"),
        ({"choice": SECRET}, "choice", "expected one of the allowed values, found str"),
        ({"parent": SECRET}, "parent", "expected ObjectId, found str"),
        ({"run": SECRET}, "run", "invalid UUID, found str"),
        ({"at": SECRET}, "at", "invalid RFC3339 encoded datetime, found str"),
        ({"cost": SECRET}, "cost", "invalid decimal string, found str"),
        ({"day": datetime(2026, 1, 2, 3, tzinfo=UTC)}, "day", "expected date or None, found datetime"),
        ({"address": {"zip": SECRET}}, "address.zip", "expected int, found str"),
        ({"address": {"city": "x"}}, "address.zip", "a required field is missing"),
        ({"address": [SECRET]}, "address", "expected dict or None, found list"),
        ({"tags": ["a", "b", "c", 4]}, "tags.3", "expected str, found int"),
        ({"pair": [1]}, "pair", "expected array of length 2, got 1"),
        ({"prices": {"gpt-4": "1", "gpt.5": True}}, "prices.gpt.5", "expected Decimal, found bool"),
        ({"nested": {"a": {"b": [1]}, "c": {"d": [1], "e": [1, SECRET]}}}, "nested.c.e.1", "expected int, found str"),
        ({"counts": {"1": 1, "x": 2}}, "counts.x", "expected int, found str"),
        ({"pet": {"type": SECRET}}, "pet.type", "expected one of the allowed values, found str"),
        ({"pet": {"price": 1}}, "pet.type", "a required field is missing"),
        ({"pet": {"type": "dog", "price": 1}}, "pet.price", "expected Decimal128, found int"),
        ({"short": SECRET}, "short", "expected str of length <= 3"),
        ({"small": 11}, "small", "expected int <= 9"),
        ({"coded": SECRET}, "coded", "expected str matching regex '^[a-z]+$'"),
        ({"either": 1.5}, "either", "expected int or str or None, found float"),
        ({SECRET: 1}, SECRET, "the model has no such field"),
        ({"word": Regex("a")}, "word", "expected str, found Regex"),
    ],
)
def test_a_fault_is_told_by_path_and_type_and_never_by_value(document: Any, path: str, message: str) -> None:
    error = refused(Everything, {"_id": 7, **document})
    assert [(each.path, each.message) for each in error.faults] == [(path, message)]
    assert error.document_id == 7
    assert error.path == path
    assert error.__cause__ is None
    assert SECRET not in message
    if path != SECRET:
        assert SECRET not in str(error)


def test_ints_are_taken_for_floats_and_the_length_of_integers_does_not_matter() -> None:
    found = read(Everything, {"_id": 1, "ratio": 2, "number": 2**40, "long": 5})
    assert (found.ratio, type(found.ratio)) == (2.0, float)
    assert type(found.number) is int
    assert (found.long, type(found.long)) == (5, Int64)


class ByText(msgspec.Struct):
    pattern: re.Pattern[str]


def test_a_pattern_is_compiled_where_python_knows_it() -> None:
    assert read(ByText, {"pattern": Regex("a+", "i")}).pattern == re.compile("a+", re.IGNORECASE)
    assert fault(ByText, {"pattern": Regex("(?<name")})[0] == "pattern"
    assert fault(ByText, {"pattern": "a+"})[0] == "pattern"


class Cyclic(msgspec.Struct):
    day: date
    more: list[Cyclic] = []
    named: dict[str, Cyclic] = {}


def test_a_model_that_holds_itself_is_converted_at_every_depth() -> None:
    value = Cyclic(date(2026, 1, 1), [Cyclic(date(2026, 1, 2), named={"a": Cyclic(date(2026, 1, 3))})])
    assert read(Cyclic, stored(Cyclic, value)) == value


class Shouting(msgspec.Struct):
    name: str

    def __post_init__(self) -> None:
        if self.name == SECRET:
            # A text that looks like one of msgspec's, about a place that is not there.
            raise ValueError(f"{next(COUNTER)} - at `$[0].{SECRET}[...]`")


class Shouted(msgspec.Struct):
    by_name: dict[str, Shouting]


COUNTER = itertools.count()


def test_a_text_that_differs_each_time_does_not_mislead() -> None:
    error = refused(Shouted, {"by_name": {"a": {"name": "x"}, "b": {"name": SECRET}}})
    assert error.path == "by_name"
    assert SECRET not in str(error)


class Wrong(msgspec.Struct):
    days: list[date] = []
    by_name: dict[str, date] = {}
    pair: tuple[date, int] = (date(2026, 1, 1), 1)
    inner: Cyclic | None = None


@pytest.mark.parametrize("name", ["days", "by_name", "pair", "inner"])
def test_what_is_of_another_shape_is_left_for_the_model_to_refuse(name: str) -> None:
    assert fault(Wrong, {name: 7})[0] == name
