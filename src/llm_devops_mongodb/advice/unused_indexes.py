"""Indexes that are there and not used, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.advice.cases import quoted
from llm_devops_mongodb.advice.indexes import key_of
from llm_devops_mongodb.results import Finding
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_devops_mongodb.advice.cases import Case
    from llm_devops_mongodb.advice.conditions import Conditions

    Index = Mapping[str, Any]

_SIMPLE = "simple"


def unused_indexes(case: Case) -> Iterator[Finding]:
    """Indexes on the query's fields that stand beside a read of the whole collection."""
    if not case.scans or case.query.forbids_indexes:
        return
    for index in case.indexes:
        reason = _reason(case, index)
        if reason is not None:
            text = f"The index '{index.get('name')}' is there and not used: {reason}."
            yield Finding("index_not_used", text, key_of(index))


def poor_hints(case: Case) -> Iterator[Finding]:
    """A hint that keeps the server from a better index."""
    query = case.query
    if query.hint is None or not (case.scans or case.reads_too_much):
        return
    for index in case.indexes:
        if not query.names_in_hint(index) and index.get("name") not in case.plan.indexes_used and _fits(case, index):
            text = f"The hint keeps the server from the index '{index.get('name')}', which begins with a field it needs"
            yield Finding("poor_hint", f"{text}: leave the hint out.", key_of(index))


def _fits(case: Case, index: Index) -> bool:
    leading = next(iter(key_of(index)), "")
    kinds = {condition.kind for condition in case.query.conditions.on(leading)}
    return bool(kinds & {"equality", "range"}) and _reason(case, index) is None


def _reason(case: Case, index: Index) -> str | None:
    """Why the server cannot use `index`, None where that cannot be told or it has nothing to do with the query."""
    keys = key_of(index)
    asked = case.query.conditions
    wanted = _fields_of(asked) | {field for field, _ in case.query.sort} | set(asked.compared)
    leading = next(iter(keys), "")
    if not wanted & keys.keys():
        return None
    if leading not in wanted:
        return f"it begins with '{leading}', of which the query says nothing"
    reasons = (_of_index(case, index, leading), _of_conditions(asked, keys, leading))
    return next((reason for reason in reasons if reason is not None), None)


def _of_index(case: Case, index: Index, leading: str) -> str | None:
    """What about the index forbids it."""
    asked = case.query.conditions
    if index.get("hidden"):
        return "it is hidden"
    partial = index.get("partialFilterExpression")
    if is_mapping(partial):
        return f"it is partial, and the filter does not promise its condition on {quoted(map(str, partial))}"
    if index.get("sparse") and _may_be_absent(asked, leading):
        return f"it is sparse, and documents without '{leading}' are wanted too"
    if _locale(index) != _locale({"collation": case.query.collation}) and _compares_text(case, leading):
        return "it compares strings by another collation than the query"
    return None


def _of_conditions(asked: Conditions, keys: Mapping[str, Any], leading: str) -> str | None:
    """What about the conditions forbids it."""
    on = asked.on(leading)
    if keys[leading] == "hashed" and (not on or all(each.kind != "equality" for each in on)):
        return "it is hashed, and serves equality only"
    if on and all(each.kind == "other" for each in on):
        return f"no index serves {on[0].operator}"
    if not on and leading in asked.compared:
        return f"$expr compares '{leading}' with what is no constant"
    if not on and any(leading not in _fields_of(branch) for branch in asked.branches):
        return "another branch of $or has no index, so the whole collection is read for it"
    return None


def _fields_of(asked: Conditions) -> set[str]:
    return {each.field for each in asked.fields}.union(*(_fields_of(branch) for branch in asked.branches))


def _may_be_absent(asked: Conditions, field: str) -> bool:
    """Tell whether documents without `field` may match: it is not asked for, or by what holds of nothing too."""
    return all(each.kind in {"absence", "negation"} for each in asked.on(field))


def _compares_text(case: Case, field: str) -> bool:
    on = case.query.conditions.on(field)
    return not on or any(condition.compares_text for condition in on)


def _locale(index: Index) -> tuple[Any, ...]:
    """What of a collation makes it another; the server fills in what is not given."""
    collation = index.get("collation")
    if not is_mapping(collation) or collation.get("locale") == _SIMPLE:
        return (_SIMPLE,)
    return collation.get("locale"), collation.get("strength", 3), collation.get("caseLevel", False)
