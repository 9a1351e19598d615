"""What can be seen to be good at little cost, as nearly every document and filter can.

A shortcut that says False only asks for a closer look; one that says True has the last word, so each is at least as
strict as the check it saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.validation.values import SCALARS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})
MEMBERSHIPS = frozenset({"$in", "$nin"})
CLAUSES = frozenset({"$and", "$or", "$nor"})

_UNUSUAL = frozenset("$.\0")

QUICK_LEVELS = 8
"""Levels that a shortcut looks at. It may recurse, as it is never deeper than this."""


def is_plain(document: Any, levels: int = QUICK_LEVELS, *, dollars: bool = False) -> bool:
    """Tell whether `document` is a `dict` with nothing unusual in its names and the types of its values.

    Args:
        document: What is to be looked at.
        levels: Levels of documents and arrays to look at.
        dollars: True where names may begin with `$`.
    """
    if kind_of(document) is not dict or levels <= 0:
        return False
    try:
        names = "".join(document)
    except TypeError:
        return False
    if "\0" in names or "" in document or ("$" in names and not dollars) or not (names.isascii() or is_unicode(names)):
        return False
    return _are_plain(document.values(), levels, dollars=dollars)


def _are_plain(values: Iterable[Any], levels: int, *, dollars: bool) -> bool:
    for value in values:
        kind = kind_of(value)
        if kind in SCALARS:
            continue
        if kind is list:
            if not SCALARS.issuperset(map(type, value)) and not (
                levels > 0 and _are_plain(value, levels - 1, dollars=dollars)
            ):
                return False
        elif not is_plain(value, levels - 1, dollars=dollars):
            return False
    return True


def is_unicode(name: str) -> bool:
    """Tell whether a text can be written as UTF-8: half a surrogate pair cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_ordinary_filter(filter: Any, levels: int = QUICK_LEVELS) -> bool:
    """Tell whether a filter holds only literals, comparisons with scalars, and clauses of such filters."""
    if kind_of(filter) is not dict or levels <= 0:
        return False
    for name, condition in filter.items():
        kind = kind_of(condition)
        if name in CLAUSES:
            good = kind is list and condition and all(is_ordinary_filter(part, levels - 1) for part in condition)
        elif kind_of(name) is not str or "$" in name or "\0" in name or not name.isascii():
            good = False
        else:
            good = kind in SCALARS or (kind is dict and _is_ordinary_condition(condition))
        if not good:
            return False
    return True


_ANYTHING = SCALARS
_NUMBERS = frozenset({int, float})
_ORDINARY_OPERATORS = {
    "$set": _ANYTHING,
    "$unset": _ANYTHING,
    "$setOnInsert": _ANYTHING,
    "$inc": _NUMBERS,
    "$mul": _NUMBERS,
    "$min": _ANYTHING,
    "$max": _ANYTHING,
}


def is_ordinary_update(update: Any) -> bool:
    """Tell whether an update holds only common operators, with scalars for fields that are not nested, each once."""
    if kind_of(update) is not dict or not update:
        return False
    count, names = 0, set[str]()
    for operator, fields in update.items():
        kinds = _ORDINARY_OPERATORS.get(operator)
        if kinds is None or kind_of(fields) is not dict or not kinds.issuperset(map(type, fields.values())):
            return False
        if not all(map(_is_ordinary_name, fields)):
            return False
        count += len(fields)
        names.update(fields)
    return len(names) == count


def _is_ordinary_name(name: Any) -> bool:
    return kind_of(name) is str and name.isascii() and bool(name) and _UNUSUAL.isdisjoint(name)


def _is_ordinary_condition(condition: dict[Any, Any]) -> bool:
    for name, argument in condition.items():
        kind = kind_of(argument)
        if kind in SCALARS:
            good = name in COMPARISONS
        else:
            good = kind is list and name in MEMBERSHIPS and SCALARS.issuperset(map(type, argument))
        if not good:
            return is_plain(condition)
    return True
