"""The arguments of one operation, as this library takes them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, TypeVar

from llm_devops_mongodb import ResumeToken, Session, TransactionOptions
from llm_devops_mongodb.options import CursorType
from tests.conformance import unsupported
from tests.conformance.entities import EntityMap, SessionEntity
from tests.conformance.settings import read_concern, read_preference, settings_of, timeout, write_concern
from tests.conformance.verdicts import MismatchError

O = TypeVar("O")  # noqa: E741 - an options value

Execute = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Executes one operation of a test; an error that was expected is raised all the same."""

_CAPITAL = re.compile(r"_([a-z])")
_DURATIONS = {"max_time": "maxTimeMS", "max_await_time": "maxAwaitTimeMS", "max_commit_time": "maxCommitTimeMS"}
_CURSOR_TYPES = {
    "nonTailable": CursorType.NON_TAILABLE,
    "tailable": CursorType.TAILABLE,
    "tailableAwait": CursorType.TAILABLE_AWAIT,
}


class Arguments:
    """What a test gives, taken one by one: what nobody takes is an argument that is not known.

    Args:
        given: The arguments.
        entities: Where names of sessions lead.
        execute: Executes the operations of a callback.

    Attributes:
        given: Every argument.
        entities: Where names lead.
    """

    def __init__(self, given: Mapping[str, Any], entities: EntityMap, execute: Execute | None = None) -> None:
        unsupported.refuse_in(unsupported.ARGUMENTS, given)
        self.given = given
        self.entities = entities
        self._execute = execute
        self._left = given.keys() - {name for name in given if name in unsupported.ARGUMENTS}

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def take(self, name: str, default: Any = None) -> Any:
        """Return an argument, or `default` where it is not given."""
        self._left -= {name}
        return self.given.get(name, default)

    def require(self, name: str) -> Any:
        """Return an argument.

        Raises:
            MismatchError: It is not given.
        """
        if name not in self.given:
            raise MismatchError(f"argument {name} is missing")
        return self.take(name)

    def ignore(self, *names: str) -> None:
        """Take arguments that make no difference here."""
        self._left -= set(names)

    def rest(self) -> dict[str, Any]:
        """Take everything that nobody has taken."""
        return {name: self.take(name) for name in self.given if name in self._left}

    def check_all_taken(self, taker: str) -> None:
        """Refuse what nobody has taken.

        Raises:
            MismatchError: There is an argument that is not known.
        """
        if self._left:
            raise MismatchError(f"{taker} has no argument {', '.join(sorted(self._left))}")

    def session(self) -> Session | None:
        """Take the session in which to do the operation, if any."""
        name = self.take("session")
        return None if name is None else self.entities.get(name, SessionEntity).session

    def scope(self) -> dict[str, Any]:
        """Take the session in which to do the operation, and its limit, as every operation takes them."""
        return {"session": self.session(), **self.limit()}

    def limit(self) -> dict[str, Any]:
        """Take the operation's limit, if any."""
        return {"timeout": timeout(self.take("timeoutMS"))} if "timeoutMS" in self else {}

    def settings(self) -> dict[str, Any]:
        """Take concerns and preference, as `with_options` takes them."""
        names = ("readConcern", "readPreference", "writeConcern")
        return settings_of({name: self.take(name) for name in names if name in self})

    def options(self, kind: type[O]) -> O | None:
        """Take everything that a value of `kind` has a field for; None where nothing is given."""
        chosen: dict[str, Any] = {}
        for field in fields(kind):  # type: ignore[arg-type]  # every options value is a dataclass
            name = camel_case(field.name)
            if name in self:
                chosen[field.name] = _converted(field.name, self.take(name))
        return kind(**chosen) if chosen else None

    def transaction_defaults(self) -> TransactionOptions | None:
        """Take the options of a session's transactions."""
        given = self.take("defaultTransactionOptions")
        if given is None:
            return None
        nested = Arguments(given, self.entities)
        options = nested.options(TransactionOptions)
        nested.check_all_taken("defaultTransactionOptions")
        return options

    def callback(self) -> Callable[[Any], Awaitable[None]]:
        """Take the operations of a callback as one function."""
        operations = self.require("callback")
        execute = self._execute
        if execute is None:
            raise MismatchError("a callback may not stand here")

        async def call(_: Any) -> None:
            for operation in operations:
                await execute(operation)

        return call


def camel_case(name: str) -> str:
    """Return what the specifications call an option of this library."""
    return _DURATIONS.get(name) or _CAPITAL.sub(lambda found: found[1].upper(), name)


def _converted(name: str, value: Any) -> Any:
    if name in _DURATIONS:
        return timedelta(milliseconds=value)
    reader = _READERS.get(name)
    return value if reader is None else reader(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "return_document": str.lower,
    "cursor_type": _CURSOR_TYPES.__getitem__,
    "read_concern": read_concern,
    "write_concern": write_concern,
    "read_preference": read_preference,
    "resume_after": ResumeToken,
    "start_after": ResumeToken,
}
