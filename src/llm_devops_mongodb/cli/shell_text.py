"""BSON values as the MongoDB shell writes them: every type can be told from every other, and people know it.

Source: https://www.mongodb.com/docs/mongodb-shell/reference/data-types/
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

from llm_devops_mongodb.cli.plain_text import plain
from llm_devops_mongodb.validation.values import is_array, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 100
_INDENT = "  "
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shell_text(value: Any, *, width: int = _WIDTH, depth: int = 0) -> str:
    """Return a value as text: on one line where it fits, else a member on each.

    Args:
        value: A BSON value, or a mapping or list of such.
        width: How many characters a line may take before it is broken.
        depth: How far the value is indented already.
    """
    members, (begin, end) = _members(value)
    if members is None:
        return _scalar(value)
    room = width - len(_INDENT) * depth
    lines = [prefix + shell_text(member, width=width, depth=depth + 1) for prefix, member in members]
    if not lines:
        return begin + end
    if sum(map(len, lines)) + 2 * len(lines) + 2 <= room and not any("\n" in line for line in lines):
        space = " " if begin == "{" else ""
        return f"{begin}{space}{', '.join(lines)}{space}{end}"
    inner = "\n" + _INDENT * (depth + 1)
    return f"{begin}{inner}{(',' + inner).join(lines)}\n{_INDENT * depth}{end}"


def _members(value: Any) -> tuple[Iterable[tuple[str, Any]] | None, tuple[str, str]]:
    if is_mapping(value):
        return ((f"{_name(name)}: ", member) for name, member in value.items()), ("{", "}")
    if is_array(value):
        return (("", member) for member in value), ("[", "]")
    return None, ("", "")


def _name(name: str) -> str:
    return name if _NAME.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return plain(json.dumps(text, ensure_ascii=False))


def _scalar(value: Any) -> str:  # noqa: C901, PLR0911, PLR0912
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Int64():
            return f'Long("{int(value)}")'
        case int():
            return str(value)
        case float():
            return _double(value)
        case Code():
            return f"Code({_quoted(str(value))}{_scope(value)})"
        case str():
            return _quoted(value)
        case ObjectId():
            return f'ObjectId("{value}")'
        case DatetimeMS() | datetime():
            return f'ISODate("{_moment(value)}")'
        case Decimal128():
            return f'Decimal128("{value}")'
        case Timestamp():
            return f"Timestamp({{ t: {value.time}, i: {value.inc} }})"
        case Binary() | bytes():
            return _binary(value)
        case Regex():
            return _regex(value)  # pyright: ignore[reportUnknownArgumentType]  # the pattern may be text or bytes
        case MinKey():
            return "MinKey()"
        case MaxKey():
            return "MaxKey()"
        case DBRef():
            return f"DBRef({shell_text(value.as_doc().to_dict())})"
        case _:
            return _quoted(str(value))


def _double(value: float) -> str:
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    # `1` is an integer of 32 bits: a double without a fraction keeps its point.
    return repr(value)


def _moment(value: DatetimeMS | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        at = _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        return f"{int(value)} ms"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _binary(value: bytes) -> str:
    subtype = value.subtype if isinstance(value, Binary) else 0
    if isinstance(value, Binary) and subtype == 4 and len(value) == 16:  # noqa: PLR2004
        return f'UUID("{value.as_uuid()}")'
    return f'BinData({subtype}, "{value.hex()}")'


def _regex(value: Regex[Any]) -> str:
    pattern = value.pattern if isinstance(value.pattern, str) else str(value.pattern)
    options = "".join(sorted(name for name, bit in _REGEX_FLAGS.items() if value.flags & bit))
    return f"RegExp({_quoted(pattern)}{', ' + _quoted(options) if options else ''})"


_REGEX_FLAGS = {
    "i": re.IGNORECASE.value,
    "l": re.LOCALE.value,
    "m": re.MULTILINE.value,
    "s": re.DOTALL.value,
    "u": re.UNICODE.value,
    "x": re.VERBOSE.value,
}


def _scope(code: Code) -> str:
    return f", {shell_text(dict(code.scope))}" if code.scope is not None else ""
