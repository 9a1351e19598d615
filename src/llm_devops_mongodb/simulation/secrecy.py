"""Where in a document secrets are: below a sensitive field, beside its path in an expression, or under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import MaxKey, MinKey

from llm_devops_mongodb.simulation.documents import decoded, is_array, is_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_devops_mongodb.security.redaction import SensitiveFields

_HARMLESS = (bool, type(None), MinKey, MaxKey)
"""Types whose values hold no secret."""

_DIRECTIONS = (0, 1, -1)
"""What sorts, projections and the keys of indexes say of a field."""


class Secrecy:
    """Tells of each value in a document whether it is a secret.

    Args:
        fields: What is sensitive.
        aliases: Further names under which this document holds it.
    """

    def __init__(self, fields: SensitiveFields, aliases: Iterable[str] = ()) -> None:
        self._fields = fields
        self._aliases = frozenset(aliases)

    def covers(self, path: tuple[str, ...]) -> bool:
        """Tell whether what is below a path is secret."""
        return path[-1] in self._aliases or self._fields.holds(path)

    def covers_pair(self, document: dict[str, Any]) -> bool:
        """Tell whether a document is a sensitive field and its value, as `$objectToArray` gives them."""
        return document.keys() == _PAIR and isinstance(document["k"], str) and self.covers((document["k"],))

    def covered_members(self, values: list[Any]) -> list[bool]:
        """Tell of each member of an array whether it is covered: what an expression puts beside a sensitive field."""
        is_direct = any(_is_path(value) and self._fields.holds(_parts(value)) for value in values)
        if not is_direct and not any(_collect(value, self._fields, set()) for value in values):
            return [False] * len(values)
        return [not _is_path(value) and (is_direct or not (is_document(value) or is_array(value))) for value in values]

    def is_secret(self, value: Any, path: tuple[str, ...]) -> bool:
        """Tell of a value, neither document nor array, that is covered whether it is a secret indeed.

        Args:
            value: The value.
            path: Where it is; in an expression a string that begins with `$` is the path of a field, not a value.
        """
        if isinstance(value, _HARMLESS) or (type(value) in (int, float) and value in _DIRECTIONS):
            return False
        is_name = path[-1] == "$getField" or path[-2:] == ("$getField", "field")
        return not is_name and not (_is_path(value) and _is_in_expression(path))


def place_of_members(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path of an array's members: an update that is an array is a pipeline."""
    return (*path, "pipeline") if path[-1:] in _UPDATES else path


_UPDATES = (("update",), ("u",))


def aliases_in(request: bytes, fields: SensitiveFields) -> frozenset[str]:
    """Return the names that a request gives to what it takes from sensitive fields, such as `_id` of a group."""
    if not fields.may_be_in(request):
        return frozenset()
    arguments = decoded(request)
    found = {"_id"} if any(name in request for name in _GROUPING) else set[str]()
    known = -1
    # A name that stands for such a field may be taken under another name in its turn.
    while len(found) > known:
        known = len(found)
        _collect(arguments, fields, found)
    return frozenset(found)


def answer_aliases(operation: str, request: bytes, fields: SensitiveFields) -> frozenset[str]:
    """Return the names under which the answer to a request holds what is sensitive, beside the fields' own."""
    aliases = aliases_in(request, fields)
    if operation in {"distinct", "run_command"} and fields.may_be_in(request):
        arguments = decoded(request)
        asked = arguments.get("command", {}).get("key") if operation == "run_command" else arguments["field"]
        if isinstance(asked, str) and fields.holds(tuple(asked.split("."))):
            return aliases | {"values"}
    return aliases


def _collect(value: Any, fields: SensitiveFields, found: set[str]) -> bool:
    """Add the names in `value`, and tell whether it takes anything from a sensitive field."""
    if is_document(value):
        if _is_named(value.get("$getField"), fields):
            return True
        taking = [name for name, member in value.items() if _collect(member, fields, found)]
        found.update(name for name in taking if not name.startswith("$") and name not in _ARGUMENTS)
        return bool(taking)
    if is_array(value):
        if any(_is_path(member) and fields.holds(_parts(member)) for member in value):
            # What a variable beside it holds is compared with it.
            found.update(_parts(member)[0] for member in value if _is_path(member) and member.startswith("$$"))
        # Every member is looked at, whatever the first ones take.
        return sum(_collect(member, fields, found) for member in value) > 0
    if not _is_path(value):
        return False
    parts = _parts(value)
    return fields.holds(parts) or parts[-1] in found


def _is_named(field: Any, fields: SensitiveFields) -> bool:
    """Tell whether `$getField` names a sensitive field."""
    name = field.get("field") if is_document(field) else field
    return isinstance(name, str) and fields.holds((name,))


_PAIR = {"k", "v"}
_GROUPING = (b"$sortByCount\0", b"$bucket\0", b"$bucketAuto\0")
"""Stages that call what they take `_id`."""

_ARGUMENTS = frozenset({"pipeline", "filter", "command", "update", "writes", "options", "let", "q", "u", "explain"})
"""Names of arguments, which stand for no field."""


def _is_in_expression(path: tuple[str, ...]) -> bool:
    is_in = False
    for name in path:
        if name in {"pipeline", "$expr"}:
            is_in = True
        elif name in {"$match", "$literal"}:
            is_in = False
    return is_in


def _is_path(value: Any) -> bool:
    return type(value) is str and value.startswith("$")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.lstrip("$").split("."))
