"""What `watch` does, of a collection, a database or a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from llm_devops_mongodb import operations as op
from llm_devops_mongodb.change_streams.reading import EventReader
from llm_devops_mongodb.change_streams.stream import ChangeStream
from llm_devops_mongodb.options import ChangeStreamOptions

if TYPE_CHECKING:
    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.change_streams.stream import OnEventError
    from llm_devops_mongodb.codecs import Codec
    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import Pipeline, Settings

T = TypeVar("T")

_DEFAULT = ChangeStreamOptions()


def watching(
    access: Access,
    target: tuple[Namespace, Settings, SessionRef | None],
    codec: Codec[T],
    *,
    pipeline: Pipeline | None,
    options: ChangeStreamOptions | None,
    on_error: OnEventError,
    whole_deployment: bool = False,
) -> ChangeStream[T]:
    """Make a change stream; nothing is sent.

    Args:
        access: The way to the deployment.
        target: What is watched, how, and in which session.
        codec: Makes the documents in the events.
        pipeline: Chooses and shapes the events.
        options: The options of the stream.
        on_error: What to do with an event whose document does not fit.
        whole_deployment: Watch every database.
    """
    operation = op.Watch(*target, access.pipeline(pipeline or ()), options or _DEFAULT, whole_deployment)
    reader = EventReader(codec, access.bson, target[0])
    return ChangeStream(access.transport, operation, reader, bson=access.bson, on_error=on_error)
