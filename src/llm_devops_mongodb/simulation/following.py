"""Sessions and their transactions, followed through the operations that begin and end them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llm_devops_mongodb import operations as op

if TYPE_CHECKING:
    from llm_devops_mongodb.operations import Operation, SessionRef
    from llm_devops_mongodb.simulation.canonical import Scope


class Part(NamedTuple):
    """What an operation is part of.

    Attributes:
        session: The session's number in the recording, from 1; None is none.
        transaction: The transaction's number in its session, from 1; None is none.
    """

    session: int | None
    transaction: int | None


class SessionFollower:
    """Numbers sessions in the order in which they appear, and knows which of them is in a transaction."""

    def __init__(self) -> None:
        self._numbers: dict[SessionRef, int] = {}
        self._transactions: dict[SessionRef, int] = {}
        self._under_way: set[SessionRef] = set()

    def part_of(self, operation: Operation, session: SessionRef | None) -> Part:
        """Tell what an operation that begins now is part of, and follow what it begins or ends."""
        if session is None:
            return _ALONE
        number = self._numbers.setdefault(session, len(self._numbers) + 1)
        if isinstance(operation, op.StartTransaction):
            self._transactions[session] = self._transactions.get(session, 0) + 1
            self._under_way.add(session)
        elif isinstance(operation, op.EndSession):
            self._under_way.discard(session)
        is_end = isinstance(operation, (op.CommitTransaction, op.AbortTransaction))
        is_within = session in self._under_way or is_end
        if is_end:
            self._under_way.discard(session)
        return Part(number, self._transactions.get(session) if is_within else None)


_ALONE = Part(None, None)


def scope_of(part: Part, *, snapshot: bool) -> Scope:
    """Return what an operation sees, by what it is part of."""
    if part.session is None:
        return "none"
    if part.transaction is not None:
        return "transaction"
    return "snapshot" if snapshot else "session"
