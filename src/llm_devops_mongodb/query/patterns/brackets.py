r"""Reads what stands for one character: `[a-z]`, and `\d` and other escapes."""

from __future__ import annotations

import re

from llm_devops_mongodb.query.patterns.characters import (
    ALL,
    CLASSES,
    OTHERS,
    POSIX,
    among,
    between,
    folded,
    one,
    without,
)
from llm_devops_mongodb.query.patterns.syntax import refused

_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "e": "\x1b", "a": "\a"}
_PROPERTY = re.compile(r"\\[pP](?:[A-Z]|\{\^?[A-Za-z_&]{1,40}\})", re.ASCII)
_CODE = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})", re.ASCII)
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_HIGHEST = 0x10FFFF


def read_escape(pattern: str, at: int) -> tuple[int, int]:
    """Read the escape at a position, which stands for one character of a set.

    Returns:
        The set, and the position after it.

    Raises:
        InvalidDocumentError: It is something else.
    """
    name = pattern[at + 1 : at + 2]
    if name in CLASSES:
        return CLASSES[name], at + 2
    if name in {"p", "P"} and (found := _PROPERTY.match(pattern, at)) is not None:
        return ALL, found.end()
    character, end = _read_escaped(pattern, at)
    return one(character), end


def _read_escaped(pattern: str, at: int) -> tuple[str, int]:
    name = pattern[at + 1 : at + 2]
    if name in _CONTROLS:
        return _CONTROLS[name], at + 2
    if name and not (name.isascii() and name.isalnum()):
        return name, at + 2
    found = _CODE.match(pattern, at)
    if found is not None and int(found[1] or found[2], 16) <= _HIGHEST:
        return chr(int(found[1] or found[2], 16)), found.end()
    raise refused(_problem_of(name), at)


def _problem_of(name: str) -> str:
    if name in {"g", "k"} or (name.isdigit() and name != "0"):
        return "a backreference or an octal code; compare in a condition of its own, write codes as \\x{...}"
    if not name:
        return "a backslash with nothing after it; write two"
    return f"the escape '\\{name}', which is not known to be safe"


def read_brackets(pattern: str, at: int, *, ignores_case: bool) -> tuple[int, int]:
    """Read the class in brackets at a position.

    Returns:
        The set, and the position after it.

    Raises:
        InvalidDocumentError: It is not closed, or holds what is not known.
    """
    start = at + 1
    negated = pattern.startswith("^", start)
    start += negated
    found, here = 0, start
    while here == start or pattern[here : here + 1] != "]":
        if here >= len(pattern):
            raise refused("a '[' that is not closed", at)
        members, here = _read_member(pattern, here)
        found |= members
    if ignores_case:
        found = folded(found)
    return without(found) if negated else found, here + 1


def _read_member(pattern: str, at: int) -> tuple[int, int]:
    posix = _POSIX_CLASS.match(pattern, at)
    if posix is not None and posix[2] in POSIX:
        members = POSIX[posix[2]]
        return without(members) if posix[1] else members | OTHERS, posix.end()
    if pattern[at : at + 2] in {"[:", "[.", "[="}:
        raise refused("a class of an unknown name; write \\[ for the bracket itself", at)
    first, end = _read_end(pattern, at)
    if first is None:
        return read_escape(pattern, at)
    if pattern[end : end + 1] != "-" or pattern[end + 1 : end + 2] in {"]", ""}:
        return one(first), end
    last, after = _read_end(pattern, end + 1)
    if last is None:
        return one(first) | among("-"), end + 1
    if last < first:
        raise refused("a range whose end lies before its start", at)
    return between(first, last), after


def _read_end(pattern: str, at: int) -> tuple[str | None, int]:
    """Read what may be an end of a range: one character, or None where a set stands there."""
    if pattern[at] != "\\":
        return pattern[at], at + 1
    name = pattern[at + 1 : at + 2]
    if name in CLASSES or name in {"p", "P"}:
        return None, at
    return ("\b", at + 2) if name == "b" else _read_escaped(pattern, at)
