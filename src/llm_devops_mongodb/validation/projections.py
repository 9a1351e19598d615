"""Stages that choose and replace fields: `$project`, `$set`, `$unset`, `$replaceRoot`, `$unwind`.

Rules of the server (https://www.mongodb.com/docs/manual/reference/operator/aggregation/project/), tried on 6.0.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.validation.arguments import (
    check_apart,
    check_expression,
    check_path,
    check_paths,
    check_text,
    is_operator,
    known,
    required,
)
from llm_devops_mongodb.validation.fields import check_literal, check_name
from llm_devops_mongodb.validation.values import is_array, is_mapping, is_number, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.validation.places import Place

_EXCLUDED = "excluded"
_INCLUDED = "included"


def project(argument: Any, place: Place) -> None:
    """`$project`: fields to keep, or fields to drop, not both but for `_id`."""
    if not is_mapping(argument) or not argument:
        raise place.refuse("takes a document of fields that is not empty")
    projection = _Projection()
    projection.add(argument, place)
    place.defer(projection.close, argument)


class _Projection:
    """The fields of one projection: where each is, and whether they are kept or dropped."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._kind: str | None = None

    def add(self, fields: Any, place: Place, *, prefix: str = "") -> None:
        """Take fields, and later those in the projections among them."""
        for name, value in fields.items():
            check_name(name, place)
            here = place.field(name, value)
            check_path(name, here)
            path = prefix + name
            if is_mapping(value) and not _is_expression(value):
                if not value:
                    raise here.refuse("takes fields to keep or to drop, not an empty document")
                here.defer(partial(self.add, prefix=f"{path}."), value)
                continue
            self._paths.append(path)
            self._agree(_kind(path, value), here)
            check_literal(value, here)

    def close(self, fields: Any, place: Place) -> None:
        """Compare all paths, now that every field was taken."""
        check_apart(self._paths, place)

    def _agree(self, kind: str | None, place: Place) -> None:
        if kind is None:
            return
        if self._kind is None:
            self._kind = kind
        if kind != self._kind:
            raise place.refuse(
                f"{kind} where a field before it is {self._kind}; a projection keeps or drops, only '_id' may differ"
            )


def _is_expression(value: Mapping[Any, Any]) -> bool:
    return bool(value) and str(next(iter(value)))[:1] == "$"


def _kind(path: str, value: Any) -> str | None:
    """Tell whether a field is kept or dropped, or None for what goes with either."""
    switch = isinstance(value, bool) or is_number(value)
    if (switch and path == "_id") or (is_mapping(value) and "$meta" in value):
        return None
    return _EXCLUDED if value is False or (switch and whole_number(value) == 0) else _INCLUDED


def add_fields(argument: Any, place: Place) -> None:
    """`$addFields` and `$set`: paths and expressions; none is an empty document."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    for name, value in argument.items():
        check_name(name, place)
        here = place.field(name, None)
        check_path(name, here)
        if is_mapping(value) and not value:
            raise here.refuse("takes an expression, not an empty document; {'$literal': {}} is one")
    check_apart((name for name, value in argument.items() if not is_mapping(value) or is_operator(value)), place)
    check_literal(argument, place)


def unset(argument: Any, place: Place) -> None:
    """`$unset`: a path or an array of paths, none twice."""
    if is_array(argument) and argument:
        check_paths(argument, place)
        check_apart(argument, place)
    elif not is_text(argument) or not argument:
        raise place.refuse("takes the name of a field, or an array of names")
    else:
        check_path(argument, place)


def replace_root(argument: Any, place: Place) -> None:
    """`$replaceRoot`: an expression that gives a document."""
    if not is_mapping(argument):
        raise place.refuse("takes a document")
    required(argument, ["newRoot"], place)
    known(argument, ["newRoot"], place)
    check_expression(argument["newRoot"], place.field("newRoot", None))
    check_literal(argument, place)


def expression(argument: Any, place: Place) -> None:
    """`$replaceWith` and `$redact`: an expression."""
    check_expression(argument, place)
    check_literal(argument, place)


def unwind(argument: Any, place: Place) -> None:
    """`$unwind`: the path of an array, with `$` first, or a document with it."""
    if not is_mapping(argument):
        _check_array_path(argument, place, wanted="takes a text or a document")
        return
    required(argument, ["path"], place)
    known(argument, ["path", "includeArrayIndex", "preserveNullAndEmptyArrays"], place)
    _check_array_path(argument["path"], place.field("path", None), wanted="takes a path that begins with '$'")
    if "includeArrayIndex" in argument:
        check_path(argument["includeArrayIndex"], place.field("includeArrayIndex", None))
    if not isinstance(argument.get("preserveNullAndEmptyArrays", False), bool):
        raise place.field("preserveNullAndEmptyArrays", None).refuse("takes True or False")


def _check_array_path(path: object, place: Place, *, wanted: str) -> None:
    if not is_text(path):
        raise place.refuse(wanted)
    check_text(path, place)
    if path[0] != "$":
        raise place.refuse("takes a path that begins with '$'")
    check_path(path[1:], place)
