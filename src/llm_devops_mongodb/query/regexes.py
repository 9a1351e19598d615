"""Regular expressions as `$regex` takes them: a text and letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_devops_mongodb.query.built import checked, refusal
from llm_devops_mongodb.validation import query_operators
from llm_devops_mongodb.validation.values import is_regex

if TYPE_CHECKING:
    from bson import Regex

_LETTERS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
_UNSAFE = frozenset("mx")


def regex_operators(path: str, pattern: str | re.Pattern[Any] | Regex[Any], options: str | None) -> dict[str, Any]:
    r"""Return `$regex`, and `$options` where there are any, for the field `path`.

    The flags of a compiled pattern become options. `re.UNICODE` and `re.ASCII` have no counterpart: the server
    always reads UTF-8, and its classes such as `\w` are those of ASCII.

    Raises:
        InvalidDocumentError: It is no pattern, holds a NUL, or has flags that the server has not; the options are
            not letters of `imsxu`, or there are flags as well.
    """
    operators: dict[str, Any] = {}
    if is_regex(pattern):
        letters = _letters(path, pattern)
        if letters and options is not None:
            raise refusal(path, "the pattern has flags of its own; give flags or options, not both")
        operators["$regex"] = checked(path, _text(path, pattern), query_operators.pattern)
        options = letters or options
    else:
        operators["$regex"] = checked(path, pattern, query_operators.pattern)
    if options is not None:
        operators["$options"] = checked(path, options, query_operators.options)
    return operators


def flagged(path: str, pattern: str, options: str) -> str:
    """Return `pattern` with its options in front of it, for a check that is to know them.

    Raises:
        InvalidDocumentError: An option is `m` or `x`, which no check of a pattern by itself can judge.
    """
    if not _UNSAFE.isdisjoint(options):
        raise refusal(path, "the options m and x are not for patterns that are to be safe")
    letters = "".join(letter for letter in "is" if letter in options)
    return f"(?{letters}){pattern}" if letters else pattern


def _letters(path: str, pattern: re.Pattern[Any] | Regex[Any]) -> str:
    if pattern.flags & re.LOCALE:
        raise refusal(path, "the server has no flag re.LOCALE")
    return "".join(letter for flag, letter in _LETTERS.items() if pattern.flags & flag)


def _text(path: str, pattern: re.Pattern[Any] | Regex[Any]) -> Any:
    text = pattern.pattern
    if not isinstance(text, bytes):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError:
        # From None: the text of the cause shows the pattern.
        raise refusal(path, "the bytes of a pattern must be UTF-8") from None
