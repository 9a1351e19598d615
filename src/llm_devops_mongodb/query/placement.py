"""Where `$text` and the operators that sort by distance may stand in a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.query.built import refusal
from llm_devops_mongodb.validation.values import is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEAR = frozenset({"$near", "$nearSphere", "$geoNear"})
_NO_TEXT = frozenset({"$nor", "$elemMatch"})


def placed(filter: Mapping[str, Any], beside: str | None) -> str | None:
    """Return the one `$text` or `$near` of a filter that is to hold besides others, or else `beside`.

    Nothing looks into it that has not been checked: it is at most a hundred levels deep.

    Args:
        filter: The filter.
        beside: The `$text` or `$near` of the others.

    Raises:
        InvalidDocumentError: The server would not plan it: there is more than one `$text` or `$near`, or one of each;
            `$near` stands under another operator than `$and`; `$text` stands under `$nor`.
    """
    found = list(_specials(filter, above=""))
    for name, above in found:
        if name != "$text" and above:
            raise refusal(name, f"may not stand under {above}")
        if name == "$text" and above in _NO_TEXT:
            raise refusal(name, f"may not stand under {above}")
    names = [name for name, _ in found] if beside is None else [beside, *(name for name, _ in found)]
    if len(names) > 1:
        raise refusal(names[1], "a filter has one $text or one $near, not several and not both")
    return names[0] if names else None


def _specials(filter: Mapping[Any, Any], *, above: str) -> Iterator[tuple[str, str]]:
    """Tell each `$text` and `$near` in a filter, with the operator above it that matters."""
    for name, condition in filter.items():
        if name == "$text":
            yield name, above
        elif name in {"$and", "$or", "$nor"}:
            # A $or of one clause is that clause to the server.
            inner = name if name == "$nor" or (name == "$or" and len(condition) > 1 and not above) else above
            for clause in condition:
                yield from _specials(clause, above=inner)
        elif is_mapping(condition):
            yield from _in_operators(condition, above=above)


def _in_operators(operators: Mapping[Any, Any], *, above: str) -> Iterator[tuple[str, str]]:
    for name, argument in operators.items():
        if name in _NEAR:
            yield name, above
        elif name in {"$not", "$elemMatch"} and is_mapping(argument):
            yield from _in_operators(argument, above=name)
            if name == "$elemMatch":
                yield from _specials(argument, above=name)
