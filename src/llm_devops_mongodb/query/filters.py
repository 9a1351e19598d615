"""The builder of filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from llm_devops_mongodb.query import geometry
from llm_devops_mongodb.query.built import frozen, refusal
from llm_devops_mongodb.query.conditions import (
    Conditions,
    array_length,
    divisor_and_remainder,
    equality,
)
from llm_devops_mongodb.query.expressions import resolved_filter
from llm_devops_mongodb.query.paths import filter_path
from llm_devops_mongodb.query.patterns import check_pattern
from llm_devops_mongodb.query.regexes import flagged, regex_operators
from llm_devops_mongodb.validation.filters import validate_filter
from llm_devops_mongodb.validation.values import built, is_regex, is_text

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping, Sequence

    from bson import Decimal128, Regex

    from llm_devops_mongodb.query.fields import Field

V = TypeVar("V")


class FilterBuilder(Conditions):
    """A filter, condition by condition: all of them must hold.

    Without conditions it is `{}`, which every document matches; one condition is the filter itself; several stand
    in one `$and`, in the order given. A field is a dotted path, or a `Field` taken from a model, which lets type
    checkers compare the value's type.

    A value is a value: `eq`, `ne`, `gt`, `in_array`, `all` and their like never read one as an operator or a pattern,
    whatever a client sent, and refuse it where the server's language has no way to say that. Trust is needed for
    what takes filters, operators, patterns or expressions: `raw`, `and_`, `or_`, `nor`, `not_`, `elem_match`,
    `regex`, `expr` and `json_schema`. (https://www.mongodb.com/docs/manual/reference/operator/query/)

    What the server would refuse is refused where it is given, by an `InvalidDocumentError` whose `path` is the field.
    Only the server can say whether a pattern compiles, an expression holds or an index is there.

    Example:
        >>> FilterBuilder().eq("status", "active").gt("age", 18).build()
        {'$and': [{'status': 'active'}, {'age': {'$gt': 18}}]}
    """

    __slots__ = ()

    def eq(self, field: str | Field[V], value: V) -> Self:
        """Match where the field equals `value`, or is an array with such an element.

        A scalar stands bare, and so does an array, in which the server reads no operators. Everything else is put
        under `$eq`: documents of every class, regular expressions, references. None also matches a missing field.

        Example:
            >>> FilterBuilder().eq("name", "test").build()
            {'name': 'test'}
            >>> FilterBuilder().eq("password", {"$ne": None}).build()
            {'password': {'$eq': {'$ne': None}}}
        """
        path = filter_path(field)
        return self._plus({path: equality(path, value)})

    def eq_safe(self, field: str | Field[V], value: V) -> Self:
        """Do what `eq` does, under a name that says so.

        Example:
            >>> FilterBuilder().eq_safe("password", {"$gt": ""}).build()
            {'password': {'$eq': {'$gt': ''}}}
        """
        return self.eq(field, value)

    def ne(self, field: str | Field[V], value: V) -> Self:
        """Match where the field is missing or does not equal `value`, nor holds it as an element.

        A regular expression is refused, as by the server; see `not_`.

        Example:
            >>> FilterBuilder().ne("status", "closed").build()
            {'status': {'$ne': 'closed'}}
        """
        return self._plus_compared(field, "$ne", value)

    def gt(self, field: str | Field[V], value: V) -> Self:
        """Match where the field, or an element of it, is greater than `value` and of the same kind.

        Example:
            >>> FilterBuilder().gt("age", 18).build()
            {'age': {'$gt': 18}}
        """
        return self._plus_compared(field, "$gt", value)

    def gte(self, field: str | Field[V], value: V) -> Self:
        """Match where the field, or an element of it, is `value` or greater and of the same kind.

        Example:
            >>> FilterBuilder().gte("age", 18).build()
            {'age': {'$gte': 18}}
        """
        return self._plus_compared(field, "$gte", value)

    def lt(self, field: str | Field[V], value: V) -> Self:
        """Match where the field, or an element of it, is less than `value` and of the same kind.

        Example:
            >>> FilterBuilder().lt("age", 65).build()
            {'age': {'$lt': 65}}
        """
        return self._plus_compared(field, "$lt", value)

    def lte(self, field: str | Field[V], value: V) -> Self:
        """Match where the field, or an element of it, is `value` or less and of the same kind.

        Example:
            >>> FilterBuilder().lte("age", 65).build()
            {'age': {'$lte': 65}}
        """
        return self._plus_compared(field, "$lte", value)

    def in_array(self, field: str | Field[V], values: Iterable[V]) -> Self:
        """Match where the field, or an element of it, equals one of `values`; of none of them, nothing matches.

        A regular expression among them is refused, as the server would match by it, and so is a document that
        begins with an operator, which the server refuses: use `or_` of `eq` for these.

        Example:
            >>> FilterBuilder().in_array("role", ["admin", "user"]).build()
            {'role': {'$in': ['admin', 'user']}}
        """
        return self._plus_members(field, "$in", values)

    def nin(self, field: str | Field[V], values: Iterable[V]) -> Self:
        """Match where `in_array` does not: the field is missing, or equals none of `values`.

        Example:
            >>> FilterBuilder().nin("role", ["guest"]).build()
            {'role': {'$nin': ['guest']}}
        """
        return self._plus_members(field, "$nin", values)

    def all(self, field: str | Field[Any], values: Iterable[Any]) -> Self:
        """Match where the field holds every one of `values`, in any order; of none, nothing matches.

        The values are literal, as in `in_array`. For elements that meet conditions, chain `elem_match`.

        Example:
            >>> FilterBuilder().all("tags", ["a", "b"]).build()
            {'tags': {'$all': ['a', 'b']}}
        """
        return self._plus_members(field, "$all", values)

    def exists(self, field: str | Field[Any], exists: bool = True) -> Self:
        """Match where the document has the field, be it null; or, given False, where it has not.

        Example:
            >>> FilterBuilder().exists("email").build()
            {'email': {'$exists': True}}
        """
        return self._plus_operator(field, "$exists", exists)

    def type(self, field: str | Field[Any], kind: str | int | Sequence[str | int]) -> Self:
        """Match where the field, or an element of it, is of a BSON type.

        Args:
            field: The field.
            kind: An alias of the server's (`"string"`, `"objectId"`, `"number"`, …), a number, or several of them.

        Example:
            >>> FilterBuilder().type("age", ["int", "long"]).build()
            {'age': {'$type': ['int', 'long']}}
        """
        return self._plus_operator(field, "$type", kind)

    def size(self, field: str | Field[Any], length: int) -> Self:
        """Match where the field is an array of `length` elements.

        Example:
            >>> FilterBuilder().size("tags", 3).build()
            {'tags': {'$size': 3}}
        """
        path = filter_path(field)
        return self._plus({path: {"$size": array_length(path, length)}})

    def mod(self, field: str | Field[Any], divisor: float | Decimal128, remainder: float | Decimal128) -> Self:
        """Match where the field, cut to a whole number, leaves `remainder` when divided by `divisor`.

        Example:
            >>> FilterBuilder().mod("n", 4, 0).build()
            {'n': {'$mod': [4, 0]}}
        """
        path = filter_path(field)
        return self._plus({path: {"$mod": divisor_and_remainder(path, divisor, remainder)}})

    def regex(
        self, field: str | Field[Any], pattern: str | re.Pattern[Any] | Regex[Any], options: str | None = None
    ) -> Self:
        r"""Match where the field is a text in which `pattern` is found; anchor it with `^` and `$` to match all of it.

        For a pattern that comes from outside use `regex_safe`, and for a text that is to be found as it is,
        `re.escape`. The server's engine is PCRE, which knows some constructs that `re` does not, and the reverse.

        Args:
            field: The field.
            pattern: A text, or a compiled pattern, whose flags become options.
            options: Letters of `imsxu`, as the server takes them.

        Example:
            >>> FilterBuilder().regex("email", "@example\\.com$", "i").build()
            {'email': {'$regex': '@example\\.com$', '$options': 'i'}}
        """
        path = filter_path(field)
        return self._plus({path: regex_operators(path, pattern, options)})

    def regex_safe(self, field: str | Field[Any], pattern: str, options: str | None = None) -> Self:
        """Do what `regex` does, for a pattern that cannot keep the server busy: see `query.patterns.check_pattern`.

        Options count in that: `i`, `s` and `u` may be given. `m` and `x` are refused, as they change where a pattern
        may begin and what it says.

        Raises:
            InvalidDocumentError: The pattern has backreferences, look-around, or repetition that is nested or
                overlaps; or as `regex`.

        Example:
            >>> FilterBuilder().regex_safe("name", "^Ada", "i").build()
            {'name': {'$regex': '^Ada', '$options': 'i'}}
        """
        path = filter_path(field)
        if not is_text(pattern):
            raise refusal(path, f"takes a pattern as a text, not {type(pattern).__name__}")
        operators = regex_operators(path, pattern, options)
        check_pattern(flagged(path, pattern, options or ""))
        return self._plus({path: operators})

    def elem_match(self, field: str | Field[Any], condition: Mapping[str, Any]) -> Self:
        """Match where one element of the field meets the whole of `condition`.

        Args:
            field: The field.
            condition: A filter on the element, or a document of operators on it.

        Example:
            >>> FilterBuilder().elem_match("items", FilterBuilder().gt("price", 5)).build()
            {'items': {'$elemMatch': {'price': {'$gt': 5}}}}
            >>> FilterBuilder().elem_match("scores", {"$gte": 80, "$lt": 90}).build()
            {'scores': {'$elemMatch': {'$gte': 80, '$lt': 90}}}
        """
        return self._plus_operator(field, "$elemMatch", built(condition))

    def not_(self, field: str | Field[Any], condition: Mapping[str, Any] | re.Pattern[Any] | Regex[Any]) -> Self:
        """Match where the field is missing or does not meet `condition`.

        Args:
            field: The field.
            condition: A document of operators, or a regular expression. To negate a whole filter use `nor`.

        Example:
            >>> FilterBuilder().not_("age", {"$gte": 18}).build()
            {'age': {'$not': {'$gte': 18}}}
        """
        if is_regex(condition):
            condition = regex_operators(filter_path(field), condition, None)
        return self._plus_operator(field, "$not", built(condition))

    def and_(self, *filters: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Self:
        """Match where all of the filters do.

        Args:
            *filters: Filters, or one iterable of them; at least one.

        Example:
            >>> FilterBuilder().and_({"a": 1}, FilterBuilder().eq("b", 2)).build()
            {'$and': [{'a': 1}, {'b': 2}]}
        """
        return self._plus_clauses("$and", filters)

    def or_(self, *filters: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Self:
        """Match where at least one of the filters does; an empty one matches every document.

        Args:
            *filters: Filters, or one iterable of them; at least one.

        Example:
            >>> FilterBuilder().or_(FilterBuilder().eq("a", 1), FilterBuilder().exists("b")).build()
            {'$or': [{'a': 1}, {'b': {'$exists': True}}]}
        """
        return self._plus_clauses("$or", filters)

    def nor(self, *filters: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Self:
        """Match where none of the filters does; an empty one matches every document.

        Args:
            *filters: Filters, or one iterable of them; at least one.

        Example:
            >>> FilterBuilder().nor({"status": "closed"}).build()
            {'$nor': [{'status': 'closed'}]}
        """
        return self._plus_clauses("$nor", filters)

    def text(
        self,
        search: str,
        *,
        language: str | None = None,
        case_sensitive: bool | None = None,
        diacritic_sensitive: bool | None = None,
    ) -> Self:
        """Match by the collection's text index; a filter has one such condition.

        Args:
            search: Words; quoted ones must stand together, one with a `-` must be absent.
            language: The language of the words, such as `"english"` or `"none"`; the index's own by default.
            case_sensitive: Whether upper and lower case differ; they do not by default.
            diacritic_sensitive: Whether `e` and `é` differ; they do not by default.

        Example:
            >>> FilterBuilder().text("coffee -decaf", language="english").build()
            {'$text': {'$search': 'coffee -decaf', '$language': 'english'}}
        """
        given = {
            "$search": search,
            "$language": language,
            "$caseSensitive": case_sensitive,
            "$diacriticSensitive": diacritic_sensitive,
        }
        options = {name: value for name, value in given.items() if name == "$search" or value is not None}
        return self._plus_checked("$text", options)

    def near(
        self,
        field: str | Field[Any],
        point: Mapping[str, Any] | Sequence[float],
        *,
        max_distance: float | None = None,
        min_distance: float | None = None,
    ) -> Self:
        """Match by distance on a sphere, the nearest first; needs a `2dsphere` index. A filter has one such condition.

        `count_documents` and `$match` do not take it: use `within` there.

        Args:
            field: The field, with a point of GeoJSON or a pair of coordinates in it.
            point: A point of GeoJSON, or a pair of longitude and latitude in degrees.
            max_distance: Metres; no limit by default.
            min_distance: Metres; 0 by default.

        Example:
            >>> FilterBuilder().near("home", (13.4, 52.5), max_distance=500).build()
            {'home': {'$near': {'$geometry': {'type': 'Point', 'coordinates': [13.4, 52.5]}, '$maxDistance': 500}}}
        """
        path = filter_path(field)
        distances = {"$maxDistance": max_distance, "$minDistance": min_distance}
        near = {"$geometry": geometry.point(path, point), **geometry.distances(path, distances)}
        return self._plus_placed({path: {"$near": near}})

    def within(self, field: str | Field[Any], area: Mapping[str, Any]) -> Self:
        """Match where the field's geometry lies in an area.

        Args:
            field: The field.
            area: A `Polygon` or `MultiPolygon` of GeoJSON, or one of the older shapes, such as
                `{"$centerSphere": [[13.4, 52.5], 0.001]}` (the radius in radians).

        Example:
            >>> FilterBuilder().within("home", {"$box": [[0, 0], [10, 10]]}).build()
            {'home': {'$geoWithin': {'$box': [[0, 0], [10, 10]]}}}
        """
        path = filter_path(field)
        return self._plus({path: {"$geoWithin": geometry.area(path, area)}})

    def geo_intersects(self, field: str | Field[Any], shape: Mapping[str, Any]) -> Self:
        """Match where the field's geometry has a point in common with an object of GeoJSON.

        Example:
            >>> FilterBuilder().geo_intersects("home", {"type": "Point", "coordinates": [13.4, 52.5]}).build()
            {'home': {'$geoIntersects': {'$geometry': {'type': 'Point', 'coordinates': [13.4, 52.5]}}}}
        """
        path = filter_path(field)
        return self._plus({path: {"$geoIntersects": {"$geometry": geometry.geometry(path, shape)}}})

    def expr(self, expression: Any) -> Self:
        """Match where an aggregation expression gives true.

        A text in it that begins with `$` names a field: put a value from outside under `{"$literal": value}`.

        Example:
            >>> FilterBuilder().expr({"$gt": ["$spent", "$budget"]}).build()
            {'$expr': {'$gt': ['$spent', '$budget']}}
        """
        return self._plus_checked("$expr", expression)

    def json_schema(self, schema: Mapping[str, Any]) -> Self:
        """Match where the whole document fits a JSON schema in the server's dialect.

        Example:
            >>> FilterBuilder().json_schema({"required": ["name"]}).build()
            {'$jsonSchema': {'required': ['name']}}
        """
        return self._plus_checked("$jsonSchema", built(schema))

    def raw(self, filter: Mapping[str, Any]) -> Self:
        """Add a filter written by hand, as one condition; an empty one adds none.

        It is read as it stands, operators and all: never pass on what a client sent.

        Raises:
            InvalidDocumentError: As `validate_filter`.

        Example:
            >>> FilterBuilder().raw({"flags": {"$bitsAllSet": 5}}).build()
            {'flags': {'$bitsAllSet': 5}}
        """
        given: Mapping[str, Any] = built(filter)
        validate_filter(given)
        if not given:
            return self
        return self._plus_placed(resolved_filter(frozen(dict(given))))
