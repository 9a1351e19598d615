"""What a consumer does, apart from who does it: what is watched, what is done with events, where places are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bson import Timestamp

from llm_devops_mongodb.collection import Collection
from llm_devops_mongodb.consumers.collection_checkpoints import CollectionCheckpoints
from llm_devops_mongodb.consumers.delivery import AtLeastOnce, ExactlyOnce
from llm_devops_mongodb.consumers.fingerprint import described
from llm_devops_mongodb.database import Database
from llm_devops_mongodb.session import Session, new_session

if TYPE_CHECKING:
    import asyncio

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.change_streams import ChangeStream
    from llm_devops_mongodb.consumers.checkpoint_store import CheckpointStore
    from llm_devops_mongodb.consumers.delivery import Delivery
    from llm_devops_mongodb.consumers.handling import Attempts
    from llm_devops_mongodb.consumers.progress import Progress
    from llm_devops_mongodb.consumers.settings import ConsumerSettings
    from llm_devops_mongodb.options import ChangeStreamOptions, Document, Pipeline
    from llm_devops_mongodb.resume_token import ResumeToken


class Source(Protocol):
    """What can be watched: a collection, a database or a client."""

    def watch(self, pipeline: Pipeline | None = None, options: ChangeStreamOptions | None = None) -> ChangeStream[Any]:
        """Return a change stream."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a consumer.

    Attributes:
        source: What is watched.
        watched: What that is called.
        access: The client's way to the deployment.
        handler: What is given the events.
        store: Keeps the checkpoints.
        pipeline: Chooses and shapes the events.
        options: The options of the streams.
        settings: The rest.
        tasks: Those in which handlers and callbacks are called.
    """

    source: Source
    watched: str
    access: Access
    handler: Any
    store: CheckpointStore
    pipeline: tuple[Document, ...]
    options: ChangeStreamOptions
    settings: ConsumerSettings
    tasks: set[asyncio.Task[Any] | None] = field(default_factory=set[Any], compare=False)

    def described(self) -> dict[str, str]:
        """Tell what says which events there are."""
        pipeline = self.access.pipeline(self.pipeline)
        return described(self.watched, pipeline, self.options, partitions=self.settings.partitions)

    def delivery(self, attempts: Attempts, progress: Progress) -> Delivery:
        """Make what handles events."""
        if self.settings.delivery == "at_least_once":
            return AtLeastOnce(self.handler, attempts)
        return ExactlyOnce(self.handler, attempts, progress, partial(self._new_session, progress))

    async def now(self) -> Timestamp | None:
        """Return the deployment's logical time just after what has happened; None where it keeps none."""
        reply = await Database(self.access, "admin").run_command({"ping": 1})
        time: Timestamp | None = reply.get("operationTime")
        return None if time is None else Timestamp(time.time, time.inc + 1)

    async def watch(
        self,
        number: int,
        *,
        start_after: ResumeToken | None = None,
        start_at_operation_time: Timestamp | None = None,
    ) -> ChangeStream[Any]:
        """Open the stream of a partition."""
        options = self.options.starting(start_after=start_after, start_at_operation_time=start_at_operation_time)
        stages = [*self._without_own(), *_share(number, self.settings.partitions), *self.pipeline]
        return await self.source.watch(stages, options)

    def _without_own(self) -> list[dict[str, Any]]:
        """Return the stage that leaves out what the consumer writes itself: each place would be the next event."""
        if isinstance(self.source, Collection):
            return []
        store, letters = self.store, self.settings.on_handler_error.then
        written: list[Collection[Any]] = [letters] if isinstance(letters, Collection) else []
        if isinstance(store, CollectionCheckpoints):
            written.append(store.collection)
        names = [each.namespace for each in written]
        own = [{"ns.db": name.database, "ns.coll": name.collection} for name in names]
        return [{"$match": {"$nor": own}}] if own else []

    async def _new_session(self, progress: Progress) -> Session:
        """Make a session, and have the store know it: who takes over ends what is left of its transactions."""
        session = new_session(self.access)
        checkpoint = progress.checkpoint
        if isinstance(self.store, CollectionCheckpoints) and checkpoint.fence:
            name, owner, fence = checkpoint.name, checkpoint.owner, checkpoint.fence
            await self.store.bind(name, owner=owner, fence=fence, session=session)
        return session


def _share(number: int, partitions: int) -> list[dict[str, Any]]:
    """Return the stages that leave a partition its share, by the hash of `_id`; what has none is the first's."""
    if partitions == 1:
        return []
    remainder = {"$mod": [{"$toHashedIndexKey": "$documentKey._id"}, partitions]}
    # The remainder has the sign of the hash.
    share = {"$mod": [{"$add": [remainder, partitions]}, partitions]}
    of_none = {"$eq": [{"$type": "$documentKey"}, "missing"]}
    return [{"$match": {"$expr": {"$eq": [{"$cond": [of_none, 0, share]}, number]}}}]
