"""Which recorded operation answers the one that is asked: the same, in recorded order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from bson.datetime_ms import DatetimeMS

from llm_devops_mongodb.errors import SimulationMismatchError
from llm_devops_mongodb.simulation.canonical import Canonical, Free
from llm_devops_mongodb.simulation.documents import decoded
from llm_devops_mongodb.simulation.finishing import canonical_of, finished
from llm_devops_mongodb.simulation.nearest import explained

if TYPE_CHECKING:
    from llm_devops_mongodb.simulation.bindings import Bindings
    from llm_devops_mongodb.simulation.canonical import Canonicalizer, Scope
    from llm_devops_mongodb.simulation.cassette import Interaction, Recording

Matcher = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
"""Gets a recorded request and the one that is asked, and tells whether they are the same to it."""

_MILLISECONDS = 1000


class Question(NamedTuple):
    """What is asked of a tape.

    Attributes:
        operation: The operation's name.
        namespace: Its namespace.
        scope: What it sees.
        session: The session it is part of, by any key of this run; None is none.
        request: Its arguments, as BSON.
    """

    operation: str
    namespace: str | None
    scope: Scope
    session: object
    request: bytes


class Rules(NamedTuple):
    """How a question is matched.

    Attributes:
        canonicalizer: Brings requests into canonical form.
        matchers: What must hold beside, by name; each gets the requests.
        compares_arguments: Whether the arguments must be the same.
        compares_namespace: Whether the namespace must be the same.
        strict: Whether order, repeats and what is left out count.
        recompute: Whether the fingerprints in the file were made by other rules.
    """

    canonicalizer: Canonicalizer
    matchers: Mapping[str, Matcher]
    compares_arguments: bool
    compares_namespace: bool
    strict: bool
    recompute: bool


class Tape:
    """The interactions of a recording, of which each answers once, and the last of those that are the same again.

    Args:
        recording: What was recorded.
        rules: How a question is matched.
        bindings: What stands for what.
    """

    def __init__(self, recording: Recording, rules: Rules, bindings: Bindings) -> None:
        if not recording.is_finished or any(not interaction.fingerprint for interaction in recording.interactions):
            recording = finished(recording)
        self._interactions = recording.interactions
        self._rules = rules
        self._bindings = bindings
        self._canonical: dict[int, Canonical] = {}
        self._groups: dict[str, list[int]] = {}
        for index, interaction in enumerate(self._interactions):
            self._groups.setdefault(self._key_of(index, interaction), []).append(index)
        self._exact: dict[str, dict[tuple[Free, ...], list[int]]] = {}
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: nothing was asked."""
        self._used = bytearray(len(self._interactions))
        self._first_unused: dict[str, int] = {}
        self._lowest = 0
        self._sessions: dict[object, int] = {}
        self._taken: set[int] = set()

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """What was recorded and not asked for."""
        return tuple(each for index, each in enumerate(self._interactions) if not self._used[index])

    def answer(self, question: Question) -> Interaction:
        """Return the recorded operation that answers `question`.

        Raises:
            SimulationMismatchError: There is none; it tells the nearest.
        """
        index = self._found(question)
        if index is None:
            raise explained(question, self._interactions)
        if self._rules.strict:
            self._check_order(index, question)
        self._used[index] = 1
        if question.session is not None and (session := self._interactions[index].session) is not None:
            self._sessions[question.session] = session
            self._taken.add(session)
        return self._interactions[index]

    def _key_of(self, index: int, interaction: Interaction) -> str:
        if not self._rules.compares_arguments:
            return self._coarse(interaction.operation, interaction.namespace)
        if self._rules.recompute:
            self._canonical[index] = canonical_of(interaction, self._rules.canonicalizer)
            return self._canonical[index].fingerprint
        return interaction.fingerprint

    def _coarse(self, operation: str, namespace: str | None) -> str:
        return f"{operation} {namespace if self._rules.compares_namespace else ''}"

    def _found(self, question: Question) -> int | None:
        canonical = self._canonical_of(question)
        key = canonical.fingerprint
        group = self._groups.get(key)
        if group is None:
            return None
        if self._rules.matchers:
            group = [index for index in group if self._agree(index, question)]
        if not canonical.values:
            return self._next(key, group, question)
        exact = self._exact_of(key).get(self._bindings.recorded(canonical.values), [])
        unused = self._unused(exact, question)
        if unused is not None:
            return unused
        fresh = self._bound(key, group, question, canonical.values)
        if fresh is not None:
            return fresh
        if exact:
            return exact[-1]
        return self._bound_again(group, canonical.values)

    def _canonical_of(self, question: Question) -> Canonical:
        if not self._rules.compares_arguments:
            return Canonical(self._coarse(question.operation, question.namespace), ())
        return self._rules.canonicalizer.of(question.operation, question.namespace, question.scope, question.request)

    def _next(self, key: str, group: Sequence[int], question: Question) -> int | None:
        """The first of a group that was not used, or the last of all."""
        unused = self._unused(self._left_of(key, group), question)
        return unused if unused is not None else (group[-1] if group else None)

    def _unused(self, indexes: Iterable[int], question: Question) -> int | None:
        """The first that was not used; of several sessions that of the question's own, where it is known."""
        first: int | None = None
        bound = self._sessions.get(question.session)
        for index in indexes:
            if self._used[index]:
                continue
            session = self._interactions[index].session
            if question.session is None or (session == bound if bound is not None else session not in self._taken):
                return index
            first = index if first is None else first
        return first

    def _bound(self, key: str, group: Sequence[int], question: Question, live: tuple[Free, ...]) -> int | None:
        """The first that was not used and whose values those of the question may stand for."""
        candidates = (index for index in self._left_of(key, group) if self._may_bind(index, live))
        index = self._unused(candidates, question)
        if index is not None:
            self._bindings.bind(live, self._values_of(index))
        return index

    def _left_of(self, key: str, group: Sequence[int]) -> Iterator[int]:
        """The members of a group that were not used."""
        # With matchers a group is a part of what the key means, and its first ones are not known.
        start = 0 if self._rules.matchers else self._first_of(key, group)
        return (index for index in islice(group, start, None) if not self._used[index])

    def _first_of(self, key: str, group: Sequence[int]) -> int:
        """The position in a group before which all were used."""
        position = self._first_unused.get(key, 0)
        while position < len(group) and self._used[group[position]]:
            position += 1
        self._first_unused[key] = position
        return position

    def _bound_again(self, group: Sequence[int], live: tuple[Free, ...]) -> int | None:
        for index in reversed(group):
            if self._used[index] and self._may_bind(index, live, again=True):
                self._bindings.bind(live, self._values_of(index))
                return index
        return None

    def _may_bind(self, index: int, live: tuple[Free, ...], *, again: bool = False) -> bool:
        interaction = self._interactions[index]
        return self._bindings.may_bind(
            live,
            self._values_of(index),
            introduces=interaction.introduces,
            clocks=(time() * _MILLISECONDS, int(DatetimeMS(interaction.at))),
            again=again,
        )

    def _exact_of(self, key: str) -> dict[tuple[Free, ...], list[int]]:
        found = self._exact.get(key)
        if found is None:
            found = dict[tuple[Free, ...], list[int]]()
            for index in self._groups[key]:
                found.setdefault(self._values_of(index), []).append(index)
            self._exact[key] = found
        return found

    def _values_of(self, index: int) -> tuple[Free, ...]:
        found = self._canonical.get(index)
        if found is None:
            found = canonical_of(self._interactions[index], self._rules.canonicalizer)
            self._canonical[index] = found
        return found.values

    def _agree(self, index: int, question: Question) -> bool:
        recorded, asked = self._interactions[index].request, decoded(question.request)
        return all(matcher(recorded, asked) for matcher in self._rules.matchers.values())

    def _check_order(self, index: int, question: Question) -> None:
        if self._used[index]:
            raise SimulationMismatchError(
                f"{question.operation} on {question.namespace} was recorded, and every answer to it was given; strict "
                "replay gives none twice"
            )
        while self._lowest < len(self._used) and self._used[self._lowest]:
            self._lowest += 1
        if index != self._lowest:
            expected = self._interactions[self._lowest]
            raise SimulationMismatchError(
                f"{question.operation} on {question.namespace} was asked out of order: interaction {expected.number}, "
                f"{expected.operation} on {expected.namespace}, comes before it; order counts in a strict replay only"
            )
