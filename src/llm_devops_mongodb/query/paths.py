"""The paths of fields, as filters and updates may name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.query.built import refusal
from llm_devops_mongodb.query.fields import name_of
from llm_devops_mongodb.validation.fields import REFERENCE_KEYS
from llm_devops_mongodb.validation.limits import MAX_BSON_DEPTH
from llm_devops_mongodb.validation.places import shown

if TYPE_CHECKING:
    from llm_devops_mongodb.query.fields import Field

_ANY_ELEMENT = re.compile(r"\$\[(?:[a-z][A-Za-z0-9]*)?\]")
_MATCHED_ELEMENT = "$"


def filter_path(field: str | Field[Any]) -> str:
    """Return the path of a field in a filter.

    Raises:
        InvalidDocumentError: It is no path; it begins with `$`, where the server would read an operator; or a part
            of it begins with `$` (but for a DBRef's), which is meant for updates and matches nothing here.
    """
    path = name_of(field)
    if "$" in path:
        _check_parts(path, [part for part in path.split(".") if part[:1] == "$"], "names no field of a filter")
    return path


def update_path(field: str | Field[Any]) -> str:
    """Return the path of a field to change; `$`, `$[]` and `$[name]` may stand for elements of an array.

    Raises:
        InvalidDocumentError: It is no path; it begins with `$`; a part begins with `$` that is neither one of the
            three nor a DBRef's; `$` stands in it twice; or it has more than 100 parts.
    """
    path = name_of(field)
    if path.count(".") >= MAX_BSON_DEPTH:
        raise refusal(shown(path), f"a path to change has at most {MAX_BSON_DEPTH} parts")
    if "$" not in path:
        return path
    parts = [part for part in path.split(".") if part[:1] == "$"]
    if parts.count(_MATCHED_ELEMENT) > 1:
        raise refusal(path, "the position '$' stands in a path once; use '$[]' or '$[name]' for inner arrays")
    others = [part for part in parts if part != _MATCHED_ELEMENT and not _ANY_ELEMENT.fullmatch(part)]
    _check_parts(path, others, "is no position in an array: '$', '$[]' or '$[name]', the name as in 'item1'")
    return path


def is_positional(path: str) -> bool:
    """Tell a path in which `$`, `$[]` or `$[name]` stands for elements of an array."""
    return "$" in path and any(part[:1] == "$" and part not in REFERENCE_KEYS for part in path.split("."))


def _check_parts(path: str, parts: list[str], problem: str) -> None:
    if path[0] == "$":
        raise refusal(path, "a path begins with the name of a field, not with '$'")
    for part in parts:
        if part not in REFERENCE_KEYS:
            raise refusal(path, f"a part that begins with '$' {problem}")
