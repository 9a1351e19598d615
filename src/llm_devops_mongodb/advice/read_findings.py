"""Findings on how much is read by an index, and what is read although the index has it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.cases import exceeds, key_of_name, quoted
from llm_devops_mongodb.advice.indexes import shown_call
from llm_devops_mongodb.results import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_devops_mongodb.advice.cases import Case
    from llm_devops_mongodb.advice.conditions import Condition, Conditions

_LOWER = frozenset({"$gt", "$gte"})
_UPPER = frozenset({"$lt", "$lte"})
_ORDERED = (1, -1)
_MOST_ADDED = 2
_READING = ("GEO_NEAR", "EQ_LOOKUP", "$geoNear", "$lookup", "$graphLookup", "$unionWith")
"""Stages that read documents of their own, which a plan that was not run does not count."""


def is_covered(case: Case) -> bool:
    """Tell whether the index alone answers, without a document read."""
    plan = case.plan
    reads_others = any(name.startswith(_READING) for name in plan.stages)
    return bool(plan.indexes_used) and not plan.fetches and not plan.documents_examined and not reads_others


def selectivity(case: Case) -> Iterator[Finding]:
    """Indexes that lead to much that is not wanted."""
    names = quoted(case.plan.indexes_used)
    examined, wanted = case.fetched
    if exceeds(examined, wanted):
        text = f"The index {names} led to {examined} documents, of which {wanted} matched"
        yield Finding("low_selectivity", f"{text}: {_instead(case)}.")
    keys, wanted = case.scanned_keys
    if exceeds(keys, wanted):
        text = f"{keys} keys of the index {names} were read, of which {wanted} matched"
        yield Finding("many_keys_examined", f"{text}: its first fields should be those compared for equality.")


def _instead(case: Case) -> str:
    """The server takes an index for a condition only where one is on its first field; else the index serves order."""
    asked = [each.field for each in case.query.conditions.fields if each.kind in {"equality", "range"}]
    if not asked or case.leading_fields & set(asked):
        return "more of the filter's fields belong in it"
    text = "it was read whole for its order; without a limit, an index that begins with"
    return f"{text} {quoted(asked[:1])} reads less and leaves the rest to be sorted"


def conditions(case: Case) -> Iterator[Finding]:
    """Conditions that no index serves, or only by nearly all of its keys."""
    asked = case.query.conditions
    if "$where" in asked.operators:
        yield Finding("javascript", "$where runs JavaScript on every document that the rest lets through: use $expr.")
    if asked.compared and case.scans:
        text = f"$expr compares {quoted(dict.fromkeys(asked.compared))} with what is no constant"
        yield Finding("unindexable_expression", f"{text}, which no index serves: store the outcome in a field.")
    for condition in _every(asked):
        if case.scans or condition.field in case.leading_fields:
            yield from _wide(condition)


def _wide(condition: Condition) -> Iterator[Finding]:
    if condition.kind == "pattern":
        text = f"The pattern on '{condition.field}' is not bound to a beginning"
        more = "every key or document is read; begin it with ^ and plain text, minding the case, or use a text index"
        yield Finding("unanchored_pattern", f"{text}: {more}.")
    if condition.kind == "negation":
        text = f"{condition.operator} on '{condition.field}' leaves nearly all to read"
        yield Finding("negation", f"{text}: name what is wanted instead, if it can be named.")


def bounds(case: Case) -> Iterator[Finding]:
    """Ranges of an array's elements, of which the index can serve one side only."""
    for node in case.own(case.plan.index_scans):
        paths = node.detail("multiKeyPaths")
        for field in node.key_pattern or ():
            if node.is_multikey and paths.get(field) and _has_two_sides(case.query.conditions.on(field)):
                text = f"'{field}' holds arrays, so only one side of its range bounds the index '{node.index_name}'"
                yield Finding("multikey_bounds", f"{text}: if one element is to meet both, say so by $elemMatch.")


def coverage(case: Case) -> Iterator[Finding]:
    """Queries that the index answers alone, and those that nearly are."""
    if is_covered(case):
        names = quoted(case.plan.indexes_used)
        yield Finding("covered", f"The index {names} answers the query alone: no document is read.")
        return
    used, wanted = case.plan.indexes_used, _wanted(case)
    if len(used) != 1 or wanted is None or case.scans or case.reads_too_much:
        return
    node = case.own(case.plan.index_scans)[0]
    keys = node.key_pattern or key_of_name(case, node)
    if not node.is_multikey and list(keys) != ["_id"] and all(kind in _ORDERED for kind in keys.values()):
        yield from _nearly(dict(keys), [field for field in wanted if field not in keys], name=used[0])


def _nearly(keys: dict[str, Any], lacking: list[str], *, name: str) -> Iterator[Finding]:
    if lacking == ["_id"]:
        text = f"The index '{name}' has all that is wanted but _id: with {{\"_id\": 0}} in the projection"
        yield Finding("nearly_covered", f"{text} no document would be read.")
    elif 0 < len(lacking) <= _MOST_ADDED and "_id" not in lacking:
        wider = {**keys, **dict.fromkeys(lacking, 1)}
        text = f"The index '{name}' has all that is wanted but {quoted(lacking)}: with {shown_call(wider)}"
        yield Finding("nearly_covered", f"{text} no document would be read.", wider)


def _wanted(case: Case) -> list[str] | None:
    """The fields that an index would have to hold to answer alone; None where no index can."""
    projection, asked = case.query.projection, case.query.conditions
    if not projection or asked.operators or any(each.kind in {"absence", "other"} for each in _every(asked)):
        return None
    included = [field for field, value in projection.items() if _includes(value)]
    if any(isinstance(value, (str, dict)) for value in projection.values()) or set(included) <= {"_id"}:
        return None
    identity = ["_id"] if _includes(projection.get("_id", 1)) else []
    fields = [*included, *(each.field for each in _every(asked)), *(field for field, _ in case.query.sort), *identity]
    return list(dict.fromkeys(fields))


def _includes(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and bool(value)


def _has_two_sides(found: tuple[Condition, ...]) -> bool:
    operators = {condition.operator for condition in found if not condition.in_element}
    return bool(operators & _LOWER and operators & _UPPER)


def _every(asked: Conditions) -> Iterator[Condition]:
    yield from asked.fields
    for branch in asked.branches:
        yield from _every(branch)
