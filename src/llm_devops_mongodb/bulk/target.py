"""Where a bulk write goes: what it takes of a collection's handle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.codecs import Codec
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import Settings
    from llm_devops_mongodb.session import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WriteTarget(Generic[T]):
    """A collection, as what writes many documents sees it.

    Attributes:
        access: The way to the deployment.
        namespace: The collection's name.
        codec: Makes BSON of its documents.
        settings: How writes are done.
        session: The session of the collection's handle.
    """

    access: Access
    namespace: Namespace
    codec: Codec[T]
    settings: Settings
    session: Session | None = None

    def fields(
        self, session: Session | None, timeout: timedelta | None
    ) -> tuple[Namespace, Settings, SessionRef | None]:
        """Give what every operation begins with; an operation's own session and limit come before the handle's.

        Raises:
            TransactionError: The session has ended, or is of another client.
        """
        session = session or self.session
        reference = None if session is None else session.ref_for(self.access.transport)
        return self.namespace, self.settings.within(timeout), reference
