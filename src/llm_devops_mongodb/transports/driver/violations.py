"""Which rules of a collection's validator a document breaks, without the document's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

# What the rule says and what the document holds.
_VALUES = frozenset({"specifiedAs", "consideredValue", "consideredValues"})
_MOST = 8


def broken_rules(error_info: Any) -> str:
    """Return the fields and the rules they break; `""` where `error_info`, the server's `errInfo`, tells none.

    Source: the server's explanations of error 121, https://www.mongodb.com/docs/manual/core/schema-validation/

    Example:
        >>> missing = {"operatorName": "required", "missingProperties": ["age"]}
        >>> broken_rules({"details": {"operatorName": "$jsonSchema", "schemaRulesNotSatisfied": [missing]}})
        'age (required)'
    """
    found = list(dict.fromkeys(_rules(error_info, "")))
    return ", ".join(found[:_MOST]) + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")


def _rules(node: Any, path: str) -> Iterator[str]:
    if _is_list(node):
        for part in node:
            yield from _rules(part, path)
    elif isinstance(node, Mapping):
        yield from _rules_of(node, path)


def _rules_of(node: Any, path: str) -> Iterator[str]:
    place = _joined(path, node.get("propertyName", node.get("itemIndex")))
    rule = node.get("operatorName", "")
    for names in (node.get("missingProperties"), node.get("additionalProperties")):
        if _is_list(names):
            yield from (f"{_joined(place, name)} ({rule})" for name in names)
    if "reason" in node and "details" not in node:
        yield f"{place or _field_of(node, rule)} ({rule})"
    for key, part in node.items():
        if key not in _VALUES:
            yield from _rules(part, place)


def _field_of(node: Any, rule: str) -> str:
    """The field that a rule in query language is about: `specifiedAs` is its condition, `{field: {operator: …}}`."""
    names = [*node.get("specifiedAs", {})] if rule.startswith("$") else []
    return str(names[0]) if names and not names[0].startswith("$") else "document"


def _joined(path: str, part: object) -> str:
    if part is None:
        return path
    return f"{path}.{part}" if path else str(part)


def _is_list(node: Any) -> TypeGuard[list[Any]]:
    return isinstance(node, list)
