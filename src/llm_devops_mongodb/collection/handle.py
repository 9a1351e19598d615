"""What a collection handle holds, and how it asks its transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from llm_devops_mongodb.bulk.target import WriteTarget
from llm_devops_mongodb.durations import TimeLeft
from llm_devops_mongodb.options import checked_timeout

if TYPE_CHECKING:
    from datetime import timedelta

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.codecs import Codec, EncodedDocument
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import Settings
    from llm_devops_mongodb.session import Session

T = TypeVar("T")


class CollectionHandle(Generic[T]):
    """A collection's name, type and settings: an immutable value that is cheap to make."""

    def __init__(
        self,
        access: Access,
        namespace: Namespace,
        codec: Codec[T],
        *,
        settings: Settings,
        session: Session | None = None,
    ) -> None:
        self._access = access
        self._namespace = namespace
        self._codec = codec
        self._settings = settings
        self._session = session

    def __repr__(self) -> str:
        kind = getattr(self._codec.document_type, "__name__", str(self._codec.document_type))
        return f"{type(self).__name__}({str(self._namespace)!r}, {kind})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CollectionHandle):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._namespace)

    def _key(self) -> tuple[object, ...]:
        return self._access, self._namespace, self._codec.document_type, self._settings, self._session

    @property
    def name(self) -> str:
        """The collection's name within its database."""
        return self._namespace.collection

    @property
    def namespace(self) -> Namespace:
        """The collection's full name."""
        return self._namespace

    def write_target(self) -> WriteTarget[T]:
        """Give what a bulk write needs to know of the collection."""
        return WriteTarget(self._access, self._namespace, self._codec, self._settings, self._session)

    def _target(
        self, session: Session | None, timeout: timedelta | None = None
    ) -> tuple[Namespace, Settings, SessionRef | None]:
        """The fields every operation begins with; an operation's own session and limit come before the handle's."""
        session = session or self._session
        reference = None if session is None else session.ref_for(self._access.transport)
        return self._namespace, self._settings.within(timeout), reference

    def _time_left(self, timeout: timedelta | None) -> TimeLeft:
        """The limit of a method that sends several operations."""
        return TimeLeft(checked_timeout(timeout) or self._settings.timeout or self._access.config.timeout)

    def _encoded(self, document: T) -> EncodedDocument:
        return self._access.document(document, self._codec)
