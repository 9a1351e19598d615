"""A pattern as an automaton: its characters are the states, and each transition knows in how many ways it is made.

This is the construction of Glushkov. Nothing is dropped from it: where a repetition of a repetition leads twice from
one character to the next, the transition counts twice, for the server's engine tries both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from llm_devops_mongodb.query.patterns.characters import ALL
from llm_devops_mongodb.query.patterns.syntax import (
    Alternatives,
    Assertion,
    Characters,
    Node,
    Repetition,
    Sequence,
    is_anchored,
    refused,
)

_MOST_STATES = 1500
_MOST_COPIES = 40
"""States that a counted repetition is written out to; a larger one is taken for one without an end."""

_MANY = 2
"""Ways are counted no further than this."""

Ways = dict[int, int]
"""In how many ways each of these states is reached."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the pattern: where it begins and ends, and in how many ways it matches nothing."""

    first: Ways
    last: Ways
    empty: int


_NOTHING = _Part({}, {}, 1)


class Automaton:
    """What the engine goes through.

    Attributes:
        among: The set of characters of each state.
        at: Where in the pattern each state stands.
        next: The transitions of each state, with the ways in which each is made.
    """

    def __init__(self, pattern: Node) -> None:
        self.among: list[int] = []
        self.at: list[int] = []
        self.next: list[Ways] = []
        whole = self._part(pattern)
        if not is_anchored(pattern):
            # The engine begins anew at each character: as if anything might come before.
            anywhere = self._part(Repetition(Characters(ALL, 0), 0, None, 0))
            self._sequence(anywhere, whole)

    def _part(self, node: Node) -> _Part:
        match node:
            case Characters():
                return self._state(node)
            case Assertion():
                return _NOTHING
            case Sequence():
                part = _NOTHING
                for each in node.parts:
                    part = self._sequence(part, self._part(each))
                return part
            case Alternatives():
                parts = [self._part(branch) for branch in node.branches]
                return _Part(
                    {state: ways for part in parts for state, ways in part.first.items()},
                    {state: ways for part in parts for state, ways in part.last.items()},
                    min(sum(part.empty for part in parts), _MANY),
                )
            case Repetition():
                return self._repetition(node)
            case _:
                assert_never(node)

    def _state(self, characters: Characters) -> _Part:
        state = len(self.among)
        if state == _MOST_STATES:
            raise refused(f"more than {_MOST_STATES} characters to compare", characters.at)
        self.among.append(characters.among)
        self.at.append(characters.at)
        self.next.append({})
        return _Part({state: 1}, {state: 1}, 0)

    def _sequence(self, before: _Part, after: _Part) -> _Part:
        self._connect(before.last, after.first)
        return _Part(
            before.first | {state: _times(ways, before.empty) for state, ways in after.first.items() if before.empty},
            after.last | {state: _times(ways, after.empty) for state, ways in before.last.items() if after.empty},
            _times(before.empty, after.empty),
        )

    def _connect(self, last: Ways, first: Ways) -> None:
        for state, ways in last.items():
            for follower, others in first.items():
                known = self.next[state].get(follower, 0)
                self.next[state][follower] = min(known + _times(ways, others), _MANY)

    def _repetition(self, node: Repetition) -> _Part:
        before = len(self.among)
        body = self._part(node.body)
        if node.most is not None and node.most <= 1:
            return _maybe(body) if node.least == 0 else body
        if body.empty:
            raise refused("a repetition of what may be nothing; repeat what is there", node.at)
        size = len(self.among) - before
        most = node.most
        if most is not None and size * most <= _MOST_COPIES:
            return self._copies(node, body, most)
        self._connect(body.last, body.first)
        return body if node.least else _maybe(body)

    def _copies(self, node: Repetition, body: _Part, most: int) -> _Part:
        """Write out a counted repetition as the engine goes through it: X{1,3} is X(X(X)?)?."""
        copies = [body, *(self._part(node.body) for _ in range(most - 1))]
        part = _NOTHING
        for number in range(most, 0, -1):
            part = self._sequence(copies[number - 1], part)
            if number > node.least:
                part = _maybe(part)
        return part


def _maybe(part: _Part) -> _Part:
    return _Part(part.first, part.last, min(part.empty + 1, _MANY))


def _times(ways: int, others: int) -> int:
    return min(ways * others, _MANY)
