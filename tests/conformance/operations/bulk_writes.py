"""The writes of a bulk write, given to a builder one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.operations.arguments import camel_case
from tests.conformance.verdicts import MismatchError

_ARGUMENTS: Mapping[str, tuple[str, tuple[str, ...], frozenset[str]]] = {
    "insertOne": ("insert", ("document",), frozenset()),
    "updateOne": (
        "update_one",
        ("filter", "update"),
        frozenset({"upsert", "array_filters", "hint", "collation", "sort"}),
    ),
    "updateMany": ("update_many", ("filter", "update"), frozenset({"upsert", "array_filters", "hint", "collation"})),
    "replaceOne": ("replace_one", ("filter", "replacement"), frozenset({"upsert", "hint", "collation", "sort"})),
    "deleteOne": ("delete_one", ("filter",), frozenset({"hint", "collation"})),
    "deleteMany": ("delete_many", ("filter",), frozenset({"hint", "collation"})),
}
"""Each write's method, what it must be told and what it may be told."""


def add_write(builder: Any, request: Mapping[str, Any], *target: Any) -> Any:
    """Return `builder` with one more write.

    Args:
        builder: The builder.
        request: One key, the kind of write, over its arguments.
        *target: The collection, for a builder of many.

    Raises:
        MismatchError: The request is malformed, or has an argument that is not known.
    """
    ((kind, given),) = request.items()
    if kind not in _ARGUMENTS:
        raise MismatchError(f"there is no write {kind}")
    method, required, optional = _ARGUMENTS[kind]
    names = {camel_case(name): name for name in (*required, *optional)}
    if unknown := given.keys() - names.keys():
        raise MismatchError(f"{kind} has no argument {', '.join(sorted(unknown))}")
    if missing := set(required) - given.keys():
        raise MismatchError(f"{kind} lacks argument {', '.join(sorted(missing))}")
    chosen = {names[name]: value for name, value in given.items() if names[name] in optional}
    return getattr(builder, method)(*target, *(given[name] for name in required), **chosen)
