"""The changes of an update, and how one more comes to them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

from llm_devops_mongodb.query.built import BuiltMapping, checked, refusal
from llm_devops_mongodb.query.paths import update_path
from llm_devops_mongodb.validation.places import shown
from llm_devops_mongodb.validation.update_operators import OPERATORS
from llm_devops_mongodb.validation.values import SCALARS, built, is_mapping, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_devops_mongodb.query.fields import Field

_ELEMENTS = "$["
_NAME = "."


class Changes(BuiltMapping):
    """Changes by operator and path, none of which meets another."""

    __slots__ = ("_operators", "_steps")

    def __init__(self) -> None:
        self._operators: dict[str, dict[str, Any]] = {}
        self._steps: dict[str, str] = {}

    def _content(self) -> Mapping[str, Any]:
        return self._operators

    def _plus(self, operator: str, path: str, argument: Any, *, also: str | None = None) -> Self:
        """Add a change of `path`, and of the path `also`."""
        steps = _claimed(path, self._steps)
        made = object.__new__(type(self))
        made._steps = steps if also is None else _claimed(also, steps)
        made._operators = {**self._operators, operator: {**self._operators.get(operator, {}), path: argument}}
        return made

    def _plus_checked(self, operator: str, field: str | Field[Any], argument: Any) -> Self:
        path = update_path(field)
        return self._plus(operator, path, checked(path, argument, OPERATORS[operator]))

    def _plus_literal(self, operator: str, field: str | Field[Any], value: Any) -> Self:
        if type(value) in SCALARS:
            return self._plus(operator, update_path(field), value)
        return self._plus_checked(operator, field, value)

    def _plus_member(self, operator: str, field: str | Field[Any], value: Any) -> Self:
        member = written(built(value))
        if is_mapping(member) and any(str(name)[:1] == "$" for name in member):
            member = {"$each": [member]}
        return self._plus_checked(operator, field, member)


def _claimed(path: str, steps: dict[str, str]) -> dict[str, str]:
    """Add `path` to the paths that are changed or passed.

    Args:
        path: The path to change.
        steps: Each path that a change passes, with the kind of its next steps, and each that is changed, with `""`.

    Raises:
        InvalidDocumentError: It is changed, passed, or lies in one that is changed; or its elements and single
            elements of the same array would be changed at once (all are the server's code 40).
    """
    parts = path.split(".")
    taken = dict(steps)
    for outer, part in zip(accumulate(parts[:-1], "{}.{}".format), parts[1:], strict=True):
        kind = _ELEMENTS if part.startswith(_ELEMENTS) else _NAME
        if taken.setdefault(outer, kind) != kind:
            raise _conflict(path, outer)
    if path in taken:
        raise _conflict(path, path)
    taken[path] = ""
    return taken


def _conflict(path: str, other: str) -> Any:
    return refusal(path, f"conflicts with another change of '{shown(other)}' in this update; change each path once")
