"""The builder of updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from llm_devops_mongodb.query.built import array_of, checked, refusal
from llm_devops_mongodb.query.changes import Changes
from llm_devops_mongodb.query.paths import filter_path, is_positional, update_path
from llm_devops_mongodb.validation.query_operators import existence
from llm_devops_mongodb.validation.values import built, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bson import Decimal128

    from llm_devops_mongodb.query.fields import ArrayField, Field

V = TypeVar("V")


class UpdateBuilder(Changes):
    """An update, change by change, gathered under the server's operators in the order of their first use.

    A field is a dotted path, or a `Field` taken from a model, which lets type checkers compare the value's type.
    For elements of an array a path may hold `$` (the one the filter found), `$[]` (all) or `$[name]` (those that the
    option `array_filters` chooses).

    A value is a value: none is ever read as an operator or a modifier. The one exception is `pull`, which takes
    conditions; `pull_all` takes values. (https://www.mongodb.com/docs/manual/reference/operator/update/)

    What the server would refuse is refused where it is given, by an `InvalidDocumentError` whose `path` is the field:
    above all the same field, or a field and a part of it, changed twice in one update. Without changes it builds
    `{}`, which is no update, and which every operation refuses.

    Example:
        >>> UpdateBuilder().set("name", "Ada").inc("logins").set("address.city", "London").build()
        {'$set': {'name': 'Ada', 'address.city': 'London'}, '$inc': {'logins': 1}}
    """

    __slots__ = ()

    def set(self, field: str | Field[V], value: V) -> Self:
        """Give a field a value, whatever it held.

        Example:
            >>> UpdateBuilder().set("items.$[open].price", 5).build()
            {'$set': {'items.$[open].price': 5}}
        """
        return self._plus_literal("$set", field, value)

    def set_on_insert(self, field: str | Field[V], value: V) -> Self:
        """Give a field a value where the update is an upsert and inserts a document; else leave it alone.

        Example:
            >>> UpdateBuilder().set_on_insert("created_by", "import").build()
            {'$setOnInsert': {'created_by': 'import'}}
        """
        return self._plus_literal("$setOnInsert", field, value)

    def unset(self, field: str | Field[Any]) -> Self:
        """Remove a field; an element of an array becomes null instead.

        Example:
            >>> UpdateBuilder().unset("nickname").build()
            {'$unset': {'nickname': ''}}
        """
        return self._plus_literal("$unset", field, "")

    def inc(self, field: str | Field[Any], amount: float | Decimal128 = 1) -> Self:
        """Add to a number; a missing field becomes `amount`.

        Example:
            >>> UpdateBuilder().inc("stock", -2).build()
            {'$inc': {'stock': -2}}
        """
        return self._plus_checked("$inc", field, amount)

    def mul(self, field: str | Field[Any], factor: float | Decimal128) -> Self:
        """Multiply a number; a missing field becomes 0.

        Example:
            >>> UpdateBuilder().mul("price", 1.1).build()
            {'$mul': {'price': 1.1}}
        """
        return self._plus_checked("$mul", field, factor)

    def min(self, field: str | Field[V], value: V) -> Self:
        """Give a field a value where that is less than what it holds, or it is missing.

        Example:
            >>> UpdateBuilder().min("lowest", 7).build()
            {'$min': {'lowest': 7}}
        """
        return self._plus_literal("$min", field, value)

    def max(self, field: str | Field[V], value: V) -> Self:
        """Give a field a value where that is greater than what it holds, or it is missing.

        Example:
            >>> UpdateBuilder().max("highest", 7).build()
            {'$max': {'highest': 7}}
        """
        return self._plus_literal("$max", field, value)

    def rename(self, field: str | Field[Any], new: str | Field[Any]) -> Self:
        """Move a field's value to another path; what that held is lost. Paths into arrays are refused.

        Example:
            >>> UpdateBuilder().rename("nmae", "name").build()
            {'$rename': {'nmae': 'name'}}
        """
        path, target = update_path(field), update_path(new)
        for one in (path, target):
            if is_positional(one):
                raise refusal(one, "$rename takes no elements of arrays")
        return self._plus("$rename", path, target, also=target)

    def current_date(self, field: str | Field[Any], type: Literal["date", "timestamp"] = "date") -> Self:
        """Give a field the server's time, as a date or as a BSON timestamp.

        Example:
            >>> UpdateBuilder().current_date("modified").build()
            {'$currentDate': {'modified': {'$type': 'date'}}}
        """
        return self._plus_checked("$currentDate", field, {"$type": type})

    def push(self, field: str | ArrayField[V], value: V) -> Self:
        """Append one value to an array; a missing field becomes one.

        A document that begins with `$` is put under `$each`, so that the server does not read it as modifiers.

        Example:
            >>> UpdateBuilder().push("tags", "new").build()
            {'$push': {'tags': 'new'}}
        """
        return self._plus_member("$push", field, value)

    def push_each(
        self,
        field: str | ArrayField[V],
        values: Iterable[V],
        *,
        position: int | None = None,
        slice: int | None = None,
        sort: int | Mapping[str, int] | None = None,
    ) -> Self:
        """Add several values to an array, perhaps sort it, and perhaps cut it, in this order.

        Args:
            field: The array's field; a missing one becomes an array.
            values: Any iterable but a text, bytes or a mapping; of none, the array is only sorted and cut.
            position: The index at which they go in, from the end where negative; the end by default.
            slice: How many elements are left: the first, or the last where negative; all by default.
            sort: 1 or -1 to sort the elements, or a mapping of fields of them to 1 or -1.

        Example:
            >>> UpdateBuilder().push_each("scores", [89, 65], sort=-1, slice=3).build()
            {'$push': {'scores': {'$each': [89, 65], '$slice': 3, '$sort': -1}}}
        """
        path = update_path(field)
        given = {"$each": array_of(path, values), "$position": position, "$slice": slice, "$sort": sort}
        if is_mapping(sort):
            given["$sort"] = _order(path, sort)
        return self._plus_checked("$push", field, {name: value for name, value in given.items() if value is not None})

    def add_to_set(self, field: str | ArrayField[V], value: V) -> Self:
        """Append one value to an array that does not hold it yet.

        A document that begins with `$` is put under `$each`, so that the server does not read it as a modifier.

        Example:
            >>> UpdateBuilder().add_to_set("tags", "new").build()
            {'$addToSet': {'tags': 'new'}}
        """
        return self._plus_member("$addToSet", field, value)

    def add_each(self, field: str | ArrayField[V], values: Iterable[V]) -> Self:
        """Append those of several values to an array that it does not hold yet; of none, nothing changes.

        Example:
            >>> UpdateBuilder().add_each("tags", ["new", "hot"]).build()
            {'$addToSet': {'tags': {'$each': ['new', 'hot']}}}
        """
        return self._plus_checked("$addToSet", field, {"$each": array_of(update_path(field), values)})

    def pull(self, field: str | Field[Any], condition: Any) -> Self:
        """Remove from an array every element that meets a condition.

        Args:
            field: The array's field.
            condition: A scalar or an array that the element equals, operators on it, a filter on it (`{}` removes
                every document), or a regular expression. It is read as it stands: for values from outside use
                `pull_all`.

        Example:
            >>> UpdateBuilder().pull("scores", {"$lt": 5}).build()
            {'$pull': {'scores': {'$lt': 5}}}
        """
        return self._plus_checked("$pull", field, built(condition))

    def pull_all(self, field: str | ArrayField[V], values: Iterable[V]) -> Self:
        """Remove from an array every element that equals one of several values; of none, nothing changes.

        Example:
            >>> UpdateBuilder().pull_all("tags", ["old", "cold"]).build()
            {'$pullAll': {'tags': ['old', 'cold']}}
        """
        return self._plus_checked("$pullAll", field, array_of(update_path(field), values))

    def pop(self, field: str | Field[Any], first: bool = False) -> Self:
        """Remove the last element of an array, or the first.

        Example:
            >>> UpdateBuilder().pop("queue", first=True).build()
            {'$pop': {'queue': -1}}
        """
        path = update_path(field)
        return self._plus("$pop", path, -1 if checked(path, first, existence) else 1)

    def bit(
        self, field: str | Field[Any], *, and_: int | None = None, or_: int | None = None, xor: int | None = None
    ) -> Self:
        """Combine an integer with one mask or several, bit by bit, in the order and, or, xor.

        Example:
            >>> UpdateBuilder().bit("flags", or_=4).build()
            {'$bit': {'flags': {'or': 4}}}
        """
        masks = {"and": and_, "or": or_, "xor": xor}
        return self._plus_checked("$bit", field, {name: mask for name, mask in masks.items() if mask is not None})


def _order(path: str, keys: Mapping[str, int]) -> dict[str, int]:
    order = {filter_path(name): direction for name, direction in keys.items()}
    if len(order) < len(keys):
        raise refusal(f"{path}.$sort", "names a field twice")
    return order
