"""Reads the part of PCRE's language whose cost is known; whatever lies outside of it is refused."""

from __future__ import annotations

import re
from typing import NamedTuple

from llm_devops_mongodb.query.patterns.brackets import read_brackets, read_escape
from llm_devops_mongodb.query.patterns.characters import ALL, folded, one
from llm_devops_mongodb.query.patterns.syntax import (
    Alternatives,
    Assertion,
    Characters,
    Node,
    Repetition,
    Sequence,
    refused,
)

_COUNT = re.compile(r"\{(\d{1,5})(,(\d{0,5}))?\}", re.ASCII)
_NAMED = re.compile(r"\?P?<[A-Za-z_]\w{0,31}>", re.ASCII)
_DEEPEST = 30
_MOST_TIMES = 1000
_LEADING_FLAGS = re.compile(r"\(\?([is]+)\)")

_GROUPS = (
    (re.compile(r"\?<?[=!]"), "look-ahead and look-behind; test the rest in a condition of its own"),
    (re.compile(r"\?\("), "a conditional; write the cases as alternatives"),
    (re.compile(r"\?(?:R|&|P>|[+-]?\d)"), "recursion; write out what is meant"),
    (re.compile(r"\?P="), "a backreference; compare in a condition of its own"),
    (re.compile(r"\?#"), "a comment; leave it out"),
    (re.compile(r"\?[a-zA-Z^-]+[:)]"), "flags inside of the pattern; give them as options"),
    (re.compile(r"\*"), "a verb"),
    (re.compile(r"\?"), "a group of an unknown kind; use (...) or (?:...)"),
)


class _Span(NamedTuple):
    least: int
    most: int | None


def parse(pattern: str, *, ignores_case: bool, has_lines: bool) -> Node:
    """Read a pattern.

    Args:
        pattern: In PCRE's language.
        ignores_case: Letters match in either case.
        has_lines: `^` matches at the start of each line.

    Raises:
        InvalidDocumentError: It is none, or holds what is not known to be safe.
    """
    return _Parser(pattern, ignores_case=ignores_case, has_lines=has_lines).read()


class _Parser:
    """Goes through a pattern once, from left to right."""

    def __init__(self, pattern: str, *, ignores_case: bool, has_lines: bool) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self._has_lines = has_lines
        flags = _LEADING_FLAGS.match(pattern)
        self._ignores_case = ignores_case or (flags is not None and "i" in flags[1])
        if flags is not None:
            self._at = flags.end()

    def read(self) -> Node:
        found = self._alternatives()
        if self._at < len(self._pattern):
            raise refused("a ')' that closes nothing; write \\)", self._at)
        return found

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> Node:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in {"", "|", ")"}:
            at = self._at
            parts.append(self._repeated(self._item(), at))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, body: Node, at: int) -> Node:
        span = self._span()
        if span is None:
            return body
        if isinstance(body, Assertion):
            raise refused("a repetition of nothing", at)
        # Lazy and possessive repetitions try no more than greedy ones.
        if self._peek() in {"?", "+"}:
            self._at += 1
        if self._span() is not None:
            raise refused("a repetition of a repetition; put the inner one in (?:...)", at)
        return Repetition(body, span.least, span.most, at)

    def _span(self) -> _Span | None:
        match self._peek():
            case "*":
                found = _Span(0, None)
            case "+":
                found = _Span(1, None)
            case "?":
                found = _Span(0, 1)
            case "{":
                return self._count()
            case _:
                return None
        self._at += 1
        return found

    def _count(self) -> _Span:
        found = _COUNT.match(self._pattern, self._at)
        if found is None:
            raise refused(r"a '{' that begins no count such as {2,3}; write \{", self._at)
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if max(least, most or 0) > _MOST_TIMES:
            raise refused(f"a count above {_MOST_TIMES}", self._at)
        if most is not None and most < least:
            raise refused("a count whose end lies before its start", self._at)
        self._at = found.end()
        return _Span(least, most)

    def _item(self) -> Node:
        at = self._at
        character = self._peek()
        match character:
            case "(":
                return self._group()
            case "[":
                found, self._at = read_brackets(self._pattern, at, ignores_case=self._ignores_case)
                return Characters(found, at)
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise refused(f"a repetition of nothing; write \\{character}", at)
            case "{":
                raise refused(r"a '{' with nothing to count before it; write \{", at)
            case _:
                self._at += 1
                return self._plain(character, at)

    def _plain(self, character: str, at: int) -> Node:
        match character:
            case ".":
                return Characters(ALL, at)
            case "^":
                return Assertion(is_start=not self._has_lines)
            case "$":
                return Assertion(is_start=False)
            case _:
                return self._characters(one(character), at)

    def _escape(self) -> Node:
        at = self._at
        name = self._pattern[at + 1 : at + 2]
        if name in {"A", "b", "B", "z", "Z"}:
            self._at += 2
            return Assertion(is_start=name == "A")
        found, self._at = read_escape(self._pattern, at)
        return self._characters(found, at)

    def _characters(self, found: int, at: int) -> Characters:
        return Characters(folded(found) if self._ignores_case else found, at)

    def _group(self) -> Node:
        at = self._at
        self._at += 1
        self._opened(at)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise refused(f"groups more than {_DEEPEST} deep", at)
        found = self._alternatives()
        if self._peek() != ")":
            raise refused("a '(' that is not closed", at)
        self._at += 1
        self._depth -= 1
        return found

    def _opened(self, at: int) -> None:
        if self._pattern.startswith("?:", self._at):
            self._at += 2
        elif (named := _NAMED.match(self._pattern, self._at)) is not None:
            self._at = named.end()
        else:
            for opening, problem in _GROUPS:
                if opening.match(self._pattern, self._at):
                    raise refused(problem, at)
