"""What replays: it answers from a recording, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from llm_devops_mongodb.errors import SimulationError, SimulationMismatchError
from llm_devops_mongodb.security.redaction import SensitiveFields
from llm_devops_mongodb.simulation.bindings import Bindings, this_process
from llm_devops_mongodb.simulation.canonical import Canonicalizer
from llm_devops_mongodb.simulation.cassette import Recording, write_recording
from llm_devops_mongodb.simulation.finishing import finished
from llm_devops_mongodb.simulation.tape import Matcher, Question, Rules, Tape
from llm_devops_mongodb.spelling import hint

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from llm_devops_mongodb.errors import MongoError
    from llm_devops_mongodb.simulation.cassette import Interaction

BeforeReplay = Callable[[dict[str, Any]], dict[str, Any]]
"""Gets what is about to be answered, with its documents decoded, and returns what to answer."""

Latency = Literal["recorded"] | timedelta | None
"""How long an answer takes: as long as it took, always as long, or no time."""

_PARTS = ("operation", "namespace", "arguments")
_IDLE_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFault:
    """An error that a replay answers in place of what was recorded, which answers the next that asks the same.

    Attributes:
        operation: The operation by its name, such as `commit_transaction`.
        error: What is raised.
        nth: Which of the operations of that name, from 1; 0 is every one.
        namespace: Only those on this `database.collection` count; None counts all.

    Example:
        ```python
        lost = CommitError("cut off", is_retryable=True, outcome="unknown")
        replayer = SimulationReplayer.load("orders.jsonl", faults=[SimulatedFault("commit_transaction", lost, nth=3)])
        ```
    """

    operation: str
    error: MongoError
    nth: int = 1
    namespace: str | None = None


class SimulationReplayer:
    """Answers operations from a recording. `load` makes one; give it to `MongoClient.with_simulation`.

    Requests are matched exactly, by operation, namespace and arguments: `1` is not `1.0`. The same request is answered
    in recorded order, and after the last answer by that again. What a program makes anew each time — ObjectIds, dates
    of now, sessions, secrets — stands for what was recorded in its place.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        strict: bool = False,
        ignore_fields: Iterable[str] = (),
        match_on: Sequence[str] | None = None,
        matchers: Mapping[str, Matcher] | None = None,
        latency: Latency = None,
        faults: Iterable[SimulatedFault] = (),
        before_replay: BeforeReplay | None = None,
        idle_limit: timedelta = _IDLE_LIMIT,
    ) -> None:
        """Replay `recording`; see `load`."""
        self.recording = recording
        self.strict = strict
        self.latency: Latency = latency
        self.before_replay = before_replay
        self.idle_limit = idle_limit
        self._faults = tuple(faults)
        self._counts = [0] * len(self._faults)
        process = bytes.fromhex(recording.header.id_process)
        self.bindings: Bindings = Bindings(process, this_process())
        self._tape = Tape(recording, self._rules(tuple(ignore_fields), match_on, matchers or {}), self.bindings)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        strict: bool = False,
        ignore_fields: Iterable[str] = (),
        match_on: Sequence[str] | None = None,
        matchers: Mapping[str, Matcher] | None = None,
        latency: Latency = None,
        faults: Iterable[SimulatedFault] = (),
        before_replay: BeforeReplay | None = None,
        idle_limit: timedelta = _IDLE_LIMIT,
    ) -> Self:
        """Read a recording.

        Args:
            path: The file.
            strict: Refuse what is asked in another order than recorded, or once more, and at the end what was not
                asked; otherwise order does not count, and the last answer repeats.
            ignore_fields: Fields of filters, documents and updates that do not count, such as `"request_id"`; a dotted
                name means that field in that document.
            match_on: What must be the same, of `"operation"`, `"namespace"`, `"arguments"` and the names of
                `matchers`; None is the first three, and where there are matchers those instead of `"arguments"`.
            matchers: Functions by name: each gets the arguments that were recorded and those that are asked, and
                tells whether they are the same to it.
            latency: How long an answer takes: `"recorded"`, always the same time, or None for none.
            faults: Errors to answer in place of what was recorded.
            before_replay: Gets each answer before it is given: `operation`, `namespace`, `request`, and `reply` or
                `error`; returns what to answer.
            idle_limit: How long a change stream waits at the end of its recording before it raises.

        Raises:
            SimulationError: The file is not there, is damaged or cut short, or of a newer format; it tells where.
        """
        return cls(
            Recording.load(path),
            strict=strict,
            ignore_fields=ignore_fields,
            match_on=match_on,
            matchers=matchers,
            latency=latency,
            faults=faults,
            before_replay=before_replay,
            idle_limit=idle_limit,
        )

    @property
    def path(self) -> Path | None:
        """The file; None where the recording came from none."""
        return self.recording.path

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """What was recorded and not asked for so far."""
        return self._tape.unused

    def rewind(self) -> None:
        """Begin anew: nothing was asked, and no fault was raised."""
        self._tape.rewind()
        self._counts = [0] * len(self._faults)

    def check_complete(self) -> None:
        """Refuse a recording of which not everything was asked for.

        Raises:
            SimulationMismatchError: It tells the first of what was not.
        """
        if unused := self.unused:
            first = unused[0]
            raise SimulationMismatchError(
                f"{len(unused)} of {len(self.recording.interactions)} recorded operations were not asked for; the "
                f"first is interaction {first.number}, {first.operation} on {first.namespace}"
            )

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recording as a finished one.

        Args:
            path: The file; one that is there is replaced.
        """
        whole = self.recording if self.recording.is_finished else finished(self.recording)
        await asyncio.to_thread(write_recording, path, whole.header, whole.interactions)

    def answer(self, question: Question) -> Interaction:
        """Return the recorded operation that answers a question.

        Raises:
            SimulationMismatchError: There is none.
            MongoError: A fault.
        """
        for position, fault in enumerate(self._faults):
            if fault.operation == question.operation and fault.namespace in (None, question.namespace):
                self._counts[position] += 1
                if fault.nth in (0, self._counts[position]):
                    raise copy(fault.error)
        return self._tape.answer(question)

    def _rules(
        self, ignored: tuple[str, ...], match_on: Sequence[str] | None, matchers: Mapping[str, Matcher]
    ) -> Rules:
        chosen = match_on if match_on is not None else (*(_PARTS[:2] if matchers else _PARTS), *matchers)
        for name in chosen:
            if name not in _PARTS and name not in matchers:
                raise SimulationError(f"match_on: {name!r} is not known{hint(name, (*_PARTS, *matchers))}")
        if "operation" not in chosen:
            raise SimulationError("match_on must hold 'operation': another one has another kind of answer")
        header = self.recording.header
        return Rules(
            canonicalizer=Canonicalizer(
                SensitiveFields(header.redacted_fields),
                ignored=SensitiveFields(ignored).holds if ignored else None,
                is_made=self.bindings.is_made,
            ),
            matchers={name: matcher for name, matcher in matchers.items() if name in chosen},
            compares_arguments="arguments" in chosen,
            compares_namespace="namespace" in chosen,
            strict=self.strict,
            recompute=bool(ignored),
        )
