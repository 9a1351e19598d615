"""Stages that begin a pipeline with documents of no collection: given ones, changes, and the server's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from llm_devops_mongodb.query.expressions import expression_of
from llm_devops_mongodb.query.pipelines.expressions import given
from llm_devops_mongodb.query.pipelines.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bson import Timestamp

FullDocument = Literal["default", "updateLookup", "whenAvailable", "required"]
"""Whether a change comes with the document as it is now."""

FullDocumentBeforeChange = Literal["off", "whenAvailable", "required"]
"""Whether a change comes with the document as it was before."""


class Inspecting(Stages):
    """`$documents`, `$changeStream`, and the stages that tell of collections, sessions and operations."""

    __slots__ = ()

    def documents(self, documents: Sequence[Mapping[str, Any]] | Any) -> Self:
        """Begin with these documents, instead of a collection's.

        It stands first in a pipeline that runs on a database, or inside `lookup_pipeline` and `union_with`.
        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/documents/)

        Args:
            documents: Documents, whose values are read as expressions; or an expression that gives an array of them.

        Example:
            >>> PipelineBuilder().documents([{"a": 1}, {"a": 2}]).build()
            [{'$documents': [{'a': 1}, {'a': 2}]}]
        """
        return self._with("$documents", expression_of(documents))

    def change_stream(
        self,
        *,
        full_document: FullDocument | None = None,
        full_document_before_change: FullDocumentBeforeChange | None = None,
        resume_after: Mapping[str, Any] | None = None,
        start_after: Mapping[str, Any] | None = None,
        start_at_operation_time: Timestamp | None = None,
        all_changes_for_cluster: bool | None = None,
        show_expanded_events: bool | None = None,
    ) -> Self:
        """Begin with changes as they happen. `watch` adds this stage by itself, and resumes after a lost connection.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStream/)

        Args:
            full_document: `"default"` tells what was updated only.
            full_document_before_change: `"off"` by default.
            resume_after: A token after which to begin,
            start_after: or one that may be of an invalidation,
            start_at_operation_time: or a time; at most one of the three.
            all_changes_for_cluster: Of the whole cluster, on the database `admin`.
            show_expanded_events: Tell of indexes, collections and shards too; servers from 6.0.

        Example:
            >>> PipelineBuilder().change_stream(full_document="updateLookup").build()
            [{'$changeStream': {'fullDocument': 'updateLookup'}}]
        """
        options = given(
            full_document=full_document,
            full_document_before_change=full_document_before_change,
            resume_after=resume_after,
            start_after=start_after,
            start_at_operation_time=start_at_operation_time,
            all_changes_for_cluster=all_changes_for_cluster,
            show_expanded_events=show_expanded_events,
        )
        return self._with("$changeStream", options)

    def change_stream_split_large_event(self) -> Self:
        """Split changes larger than 16 MiB into fragments. It must be the last stage; servers from 6.0.9.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStreamSplitLargeEvent/)

        Example:
            >>> PipelineBuilder().change_stream().change_stream_split_large_event().build()
            [{'$changeStream': {}}, {'$changeStreamSplitLargeEvent': {}}]
        """
        return self._with("$changeStreamSplitLargeEvent", {})

    def coll_stats(
        self,
        *,
        latency_stats: bool | Mapping[str, Any] = False,
        storage_stats: bool | Mapping[str, Any] = False,
        count: bool = False,
        query_exec_stats: bool = False,
    ) -> Self:
        """Begin with one document for each shard that tells of the collection.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/collStats/)

        Args:
            latency_stats: How long its operations took; `{"histograms": True}` for more.
            storage_stats: Its sizes in bytes, or in `{"scale": …}` of them.
            count: The number of documents, from its metadata.
            query_exec_stats: How many collection scans there were.

        Example:
            >>> PipelineBuilder().coll_stats(count=True, storage_stats={"scale": 1024}).build()
            [{'$collStats': {'storageStats': {'scale': 1024}, 'count': {}}}]
        """
        options = given(
            latency_stats=_asked(latency_stats),
            storage_stats=_asked(storage_stats),
            count=_asked(count),
            query_exec_stats=_asked(query_exec_stats),
        )
        return self._with("$collStats", options)

    def index_stats(self) -> Self:
        """Begin with one document for each index, which tells how often it was used since the server started.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/indexStats/)

        Example:
            >>> PipelineBuilder().index_stats().build()
            [{'$indexStats': {}}]
        """
        return self._with("$indexStats", {})

    def plan_cache_stats(self) -> Self:
        """Begin with one document for each cached plan of the collection.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/planCacheStats/)

        Example:
            >>> PipelineBuilder().plan_cache_stats().build()
            [{'$planCacheStats': {}}]
        """
        return self._with("$planCacheStats", {})

    def current_op(
        self,
        *,
        all_users: bool | None = None,
        idle_connections: bool | None = None,
        idle_cursors: bool | None = None,
        idle_sessions: bool | None = None,
        local_ops: bool | None = None,
    ) -> Self:
        """Begin with one document for each operation at work, on the database `admin`.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/)

        Args:
            all_users: Those of everybody; one's own by default.
            idle_connections: Connections without work too.
            idle_cursors: Cursors that wait for a request too.
            idle_sessions: Sessions that wait, with open transactions, too; the server's default is True.
            local_ops: On a sharded cluster those of the router itself.

        Example:
            >>> PipelineBuilder().current_op(all_users=True).build()
            [{'$currentOp': {'allUsers': True}}]
        """
        options = given(
            all_users=all_users,
            idle_connections=idle_connections,
            idle_cursors=idle_cursors,
            idle_sessions=idle_sessions,
            local_ops=local_ops,
        )
        return self._with("$currentOp", options)

    def list_sessions(self, *, all_users: bool | None = None, users: Sequence[Mapping[str, str]] | None = None) -> Self:
        """Begin with the sessions of the cluster, on the collection `system.sessions` of the database `config`.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/listSessions/)

        Args:
            all_users: Those of everybody; one's own by default.
            users: Those of these: `{"user": …, "db": …}`.

        Example:
            >>> PipelineBuilder().list_sessions(all_users=True).build()
            [{'$listSessions': {'allUsers': True}}]
        """
        return self._with("$listSessions", given(all_users=all_users, users=users))

    def list_local_sessions(
        self, *, all_users: bool | None = None, users: Sequence[Mapping[str, str]] | None = None
    ) -> Self:
        """Begin with the sessions that this server has in memory, on a database.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/listLocalSessions/)

        Args:
            all_users: As for `list_sessions`.
            users: As for `list_sessions`.

        Example:
            >>> PipelineBuilder().list_local_sessions().build()
            [{'$listLocalSessions': {}}]
        """
        return self._with("$listLocalSessions", given(all_users=all_users, users=users))

    def list_catalog(self) -> Self:
        """Begin with what the catalog holds of the collection, or of all, on the database `admin`.

        Servers from 6.0 know it; their manual does not tell of it.

        Example:
            >>> PipelineBuilder().list_catalog().build()
            [{'$listCatalog': {}}]
        """
        return self._with("$listCatalog", {})

    def sharded_data_distribution(self) -> Self:
        """Begin with one document for each sharded collection, on the database `admin` of a router; from 6.0.3.

        (https://www.mongodb.com/docs/manual/reference/operator/aggregation/shardedDataDistribution/)

        Example:
            >>> PipelineBuilder().sharded_data_distribution().build()
            [{'$shardedDataDistribution': {}}]
        """
        return self._with("$shardedDataDistribution", {})


def _asked(option: bool | Mapping[str, Any]) -> Any:
    """Return the options of what was asked for, None for what was not."""
    if isinstance(option, bool):
        return {} if option else None
    return option
