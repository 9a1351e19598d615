"""Patterns that cannot keep the server busy.

The server's engine, PCRE, goes back and tries another way whenever it fails, so a short pattern may cost it seconds
for a text of forty characters. A pattern is read by a parser that knows the part of PCRE's language whose cost is
known, and made into an automaton whose ways through a text can be counted. Accepted is what costs, at most, the square
of the text's length.
"""

from __future__ import annotations

from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.query.patterns.ambiguity import check_ambiguity
from llm_devops_mongodb.query.patterns.automaton import Automaton
from llm_devops_mongodb.query.patterns.parser import parse

__all__ = ["check_pattern"]

_LONGEST = 1000


def check_pattern(pattern: str) -> None:
    r"""Refuse a pattern that could keep the server busy, or whose cost is not known.

    Refused are backreferences, look-around, conditionals, recursion, flags inside of the pattern, and repetitions that
    are nested or overlap. Some patterns are refused that would be cheap; none is accepted whose cost grows faster than
    the square of the text's length.

    Args:
        pattern: In PCRE's language; `(?i)` and `(?s)` may begin it.

    Raises:
        InvalidDocumentError: The pattern is refused; the text names the construct and its place, not the pattern.

    Example:
        >>> check_pattern(r"^[^@\s]+@example\.com$")
        >>> check_pattern("^(a+)+$")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
            ...
        InvalidDocumentError: a repetition that is nested
    """
    if len(pattern) > _LONGEST:
        raise InvalidDocumentError(f"the pattern is longer than {_LONGEST} characters")
    check_ambiguity(Automaton(parse(pattern, ignores_case=False, has_lines=False)))
