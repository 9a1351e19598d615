"""Fields in expressions: where a `Field` stands for the field's value, in filters, stages and pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.query.fields import Field
from llm_devops_mongodb.validation.shortcuts import CLAUSES
from llm_devops_mongodb.validation.values import is_array, is_mapping, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EXPRESSIONS = frozenset(
    {
        *("$addFields", "$bucket", "$bucketAuto", "$documents", "$fill", "$group", "$project", "$redact"),
        *("$replaceRoot", "$replaceWith", "$set", "$setWindowFields", "$sortByCount"),
    }
)


def expression_of(value: Any) -> Any:
    """Return the expression that stands for a field's value, and any other expression as it is."""
    return f"${value.path}" if isinstance(value, Field) else value


def _resolved(value: Any) -> Any:
    kind = kind_of(value)
    if kind is dict:
        return {name: _resolved(part) for name, part in value.items()}
    return [_resolved(part) for part in value] if kind is list else expression_of(value)


def resolved_filter(filter: Any) -> Any:
    """Return a frozen filter with the path of its value for each `Field` under `$expr`."""
    return {name: _condition(name, part) for name, part in filter.items()} if kind_of(filter) is dict else filter


def _condition(name: str, part: Any) -> Any:
    if name in CLAUSES:
        return [resolved_filter(clause) for clause in part]
    return _resolved(part) if name == "$expr" else part


def resolved_stage(stage: Any) -> Any:
    """Return a frozen stage with the path of its value for each `Field` in an expression."""
    # Of a document that cannot change, all parts are BSON.
    return {name: _argument(name, part) for name, part in stage.items()} if kind_of(stage) is dict else stage


def _argument(name: str, argument: Any) -> Any:
    if name in _EXPRESSIONS:
        return _resolved(argument)
    if name == "$match":
        return resolved_filter(argument)
    parts = _PARTS.get(name)
    if not is_mapping(argument) or (parts is None and name != "$facet"):
        return argument
    return {
        option: (_pipeline if parts is None else parts.get(option, _same))(part) for option, part in argument.items()
    }


def _pipeline(pipeline: Any) -> Any:
    return [resolved_stage(stage) for stage in pipeline] if is_array(pipeline) else pipeline


def _same(value: Any) -> Any:
    return value


_PARTS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "$geoNear": {"query": resolved_filter},
    "$graphLookup": {"startWith": _resolved, "restrictSearchWithMatch": resolved_filter},
    "$lookup": {"let": _resolved, "pipeline": _pipeline},
    "$merge": {"let": _resolved, "whenMatched": _pipeline},
    "$unionWith": {"pipeline": _pipeline},
}
