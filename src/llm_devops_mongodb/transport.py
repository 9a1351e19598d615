"""The seam: one method that answers operations. What observes, records or replaces traffic wraps one in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from llm_devops_mongodb.errors import SimulationTypeMismatchError
from llm_devops_mongodb.replies import Reply

if TYPE_CHECKING:
    from llm_devops_mongodb.operations import Operation

ReplyT = TypeVar("ReplyT", bound=Reply)


class Transport(Protocol):
    """Answers operations, by a driver or otherwise."""

    async def handle(self, operation: Operation) -> Reply:
        """Do what `operation` asks and tell the outcome.

        Raises:
            MongoError: Everything that can go wrong with a deployment, translated at the transport that meets it.
        """
        ...

    async def aclose(self) -> None:
        """Free everything held; later calls of `handle` fail. May be called again."""
        ...


def expect(reply: Reply, kind: type[ReplyT]) -> ReplyT:
    """Narrow `reply` to the kind that the operation asks for.

    Raises:
        SimulationTypeMismatchError: The transport answered with another kind: a recording of something else.
    """
    if isinstance(reply, kind):
        return reply
    raise SimulationTypeMismatchError(expected=kind.__name__, actual=type(reply).__name__)
