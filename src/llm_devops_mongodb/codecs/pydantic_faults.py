"""Why pydantic refused a document, told by kind of error: its own texts may hold values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.codecs.faults import MISSING, UNKNOWN, expected, follow, kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError

    from llm_devops_mongodb.codecs.faults import Path

# https://docs.pydantic.dev/latest/errors/validation_errors/ lists the kinds.
_OF_TYPE = re.compile(
    r"(\w+?)(?:_attributes|_exact|_from_date|_from_datetime)?_(?:type|parsing|parsing_size|from_float)\Z"
)
_NAMES = {
    "string": "str",
    "time_delta": "timedelta",
    "frozen_set": "frozenset",
    "mapping": "dict",
    "model": "dict",
    "dataclass": "dict",
    "decimal": "Decimal",
    "uuid": "UUID",
    "object_id": "ObjectId",
}
_OF_NAME = "[key]"
_CHOICES = frozenset({"enum", "literal_error", "union_tag_invalid"})


def faults_of(root: list[Any], error: ValidationError) -> tuple[tuple[Path, str], ...]:
    """Tell all that is wrong with `root`, which pydantic refused with `error`."""
    return tuple(
        _fault(root, each["loc"], each["type"], each.get("ctx", {}))
        for each in error.errors(include_url=False, include_input=False)
    )


def _fault(root: list[Any], steps: tuple[int | str, ...], rule: str, context: Mapping[str, Any]) -> tuple[Path, str]:
    path, value = follow(root, steps)
    if rule == "missing":
        return (*path, steps[-1]), MISSING
    return path, _message(rule, context, path[-1] if steps[-1] == _OF_NAME else value)


def _message(rule: str, context: Mapping[str, Any], value: object) -> str:
    if rule == "extra_forbidden":
        return UNKNOWN
    if rule == "is_instance_of":
        return expected(context["class"], value)
    if rule == "none_required":
        return expected("None", value)
    if rule in _CHOICES:
        return expected("one of the allowed values", value)
    if found := _OF_TYPE.match(rule):
        return expected(_NAMES.get(found[1], found[1]), value)
    return f"refused by the rule {rule}, found {kind(value)}"
