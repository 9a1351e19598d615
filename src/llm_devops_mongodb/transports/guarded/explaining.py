"""What is asked of the server, as a command to explain and as conditions to advise on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from bson.raw_bson import RawBSONDocument

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.advice.conditions import Conditions
from llm_devops_mongodb.advice.indexes import sort_pairs
from llm_devops_mongodb.advice.queries import ExplainedQuery
from llm_devops_mongodb.transports.guarded.shapes import plain
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import is_array, is_text

if TYPE_CHECKING:
    from llm_devops_mongodb.operations import RawDocument, RawPipeline

Explainable = (
    op.Find
    | op.FindOne
    | op.CountDocuments
    | op.Distinct
    | op.Aggregate
    | op.UpdateOne
    | op.UpdateMany
    | op.ReplaceOne
    | op.DeleteOne
    | op.DeleteMany
    | op.FindOneAndUpdate
    | op.FindOneAndReplace
    | op.FindOneAndDelete
)
"""What the server can explain."""

WATCHED = (
    op.InsertOne,
    op.Find,
    op.FindOne,
    op.CountDocuments,
    op.Distinct,
    op.Aggregate,
    op.UpdateOne,
    op.UpdateMany,
    op.ReplaceOne,
    op.DeleteOne,
    op.DeleteMany,
    op.FindOneAndUpdate,
    op.FindOneAndReplace,
    op.FindOneAndDelete,
)
"""The same, and what may be repeated in a loop."""

_OPTIONS = {
    "skip": "skip",
    "limit": "limit",
    "let": "let",
    "collation": "collation",
    "sort": "sort",
    "hint": "hint",
    "min": "min",
    "max": "max",
    "projection": "projection",
    "array_filters": "arrayFilters",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation asks of its collection. Its values are not in the repr.

    Attributes:
        conditions: What it asks of which field.
        sort: Fields and directions.
        field: The field whose distinct values are asked for.
        has_collation: Whether strings compare by other rules than their bytes.
    """

    conditions: Conditions = field(repr=False)
    sort: tuple[tuple[str, Any], ...] = ()
    field: str | None = None
    has_collation: bool = False


def asked_by(operation: Explainable) -> Asked:
    """Take apart what `operation` asks."""
    has_collation = operation.options.collation is not None
    if isinstance(operation, op.Aggregate):
        query = ExplainedQuery.of_command({"pipeline": [plain(stage) for stage in operation.pipeline]})
        return Asked(query.conditions, query.sort, has_collation=has_collation)
    conditions = Conditions.of(plain(operation.filter))
    field = operation.field if isinstance(operation, op.Distinct) else None
    return Asked(conditions, sort_pairs(getattr(operation.options, "sort", None)), field, has_collation)


def scans_by_wish(operation: Explainable) -> bool:
    """Tell whether reading the whole collection is what is asked for: in its natural order, or as a tail."""
    options = operation.options
    if isinstance(operation, (op.Find, op.FindOne)) and operation.options.cursor_type != "non_tailable":
        return True
    return any("$natural" in (_given(options).get(name) or ()) for name in ("hint", "sort"))


def command_of(operation: Explainable) -> dict[str, Any]:  # noqa: PLR0911 - one line for each kind of command
    """Return the command that the driver sends for `operation`, as far as it bears on the plan."""
    name = operation.namespace.collection
    given = _given(operation.options)
    match operation:
        case op.Find():
            return {"find": name, "filter": RawBSONDocument(operation.filter), **given}
        case op.FindOne():
            return {"find": name, "filter": RawBSONDocument(operation.filter), **given, "limit": 1}
        case op.CountDocuments():
            return {"aggregate": name, "pipeline": _counting(operation), "cursor": {}, **_without_cuts(given)}
        case op.Distinct():
            return {"distinct": name, "key": operation.field, "query": RawBSONDocument(operation.filter), **given}
        case op.Aggregate():
            stages = [RawBSONDocument(stage) for stage in operation.pipeline]
            return {"aggregate": name, "pipeline": stages, "cursor": {}, **given}
        case op.UpdateOne() | op.UpdateMany() | op.ReplaceOne():
            return {"update": name, "updates": [_update(operation, given)], **_variables(operation.options)}
        case op.DeleteOne() | op.DeleteMany():
            return {"delete": name, "deletes": [_delete(operation, given)], **_variables(operation.options)}
        case op.FindOneAndUpdate() | op.FindOneAndReplace() | op.FindOneAndDelete():
            given.pop("projection", None)
            return {"findAndModify": name, "query": RawBSONDocument(operation.filter), **_change(operation), **given}
        case _:
            assert_never(operation)


def _given(options: object) -> dict[str, Any]:
    """Return the options that are set, by the server's names."""
    found = {theirs: getattr(options, ours, None) for ours, theirs in _OPTIONS.items()}
    return {name: _document(value, name) for name, value in found.items() if value}


def _document(value: Any, name: str) -> Any:
    """Return the value of a command's option: orders, hints and projections are documents."""
    if name == "sort" or (name == "hint" and not is_text(value)):
        return fields_and_directions(value, name)
    if name == "projection" and is_array(value):
        return dict.fromkeys(value, 1)
    if name == "limit":
        # The driver takes a negative one for a single batch; the command has none.
        return abs(int(value))
    return value


def _without_cuts(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in {"skip", "limit"}}


def _counting(operation: op.CountDocuments) -> list[dict[str, Any]]:
    options = operation.options
    cuts = [{"$skip": options.skip}] * bool(options.skip) + [{"$limit": options.limit}] * bool(options.limit)
    return [{"$match": RawBSONDocument(operation.filter)}, *cuts, {"$group": {"_id": 1, "n": {"$sum": 1}}}]


def _update(operation: op.UpdateOne | op.UpdateMany | op.ReplaceOne, given: dict[str, Any]) -> dict[str, Any]:
    change = operation.replacement if isinstance(operation, op.ReplaceOne) else operation.update
    of_statement = {name: value for name, value in given.items() if name != "let"}
    many = isinstance(operation, op.UpdateMany)
    return {"q": RawBSONDocument(operation.filter), "u": _changes(change), "multi": many, **of_statement}


def _delete(operation: op.DeleteOne | op.DeleteMany, given: dict[str, Any]) -> dict[str, Any]:
    of_statement = {name: value for name, value in given.items() if name != "let"}
    return {"q": RawBSONDocument(operation.filter), "limit": int(isinstance(operation, op.DeleteOne)), **of_statement}


def _change(operation: op.FindOneAndUpdate | op.FindOneAndReplace | op.FindOneAndDelete) -> dict[str, Any]:
    if isinstance(operation, op.FindOneAndDelete):
        return {"remove": True}
    change = operation.replacement if isinstance(operation, op.FindOneAndReplace) else operation.update
    return {"update": _changes(change)}


def _changes(update: RawDocument | RawPipeline) -> Any:
    if isinstance(update, bytes):
        return RawBSONDocument(update)
    return [RawBSONDocument(stage) for stage in update]


def _variables(options: Any) -> dict[str, Any]:
    return {"let": options.let} if options.let else {}
