"""How the server answers a query, explained."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bson.codec_options import CodecOptions, DatetimeConversion

from llm_devops_mongodb import operations as op
from llm_devops_mongodb import replies
from llm_devops_mongodb.advice import analyse
from llm_devops_mongodb.codecs.decoding import decoded
from llm_devops_mongodb.collection.indexes import Indexes
from llm_devops_mongodb.errors import InvalidDocumentError, OperationTimeoutError, QueryError, TransactionError
from llm_devops_mongodb.options import AggregateOptions, CursorType, FindOptions
from llm_devops_mongodb.transport import expect
from llm_devops_mongodb.validation.orders import fields_and_directions
from llm_devops_mongodb.validation.values import built, is_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_devops_mongodb.namespace import Namespace
    from llm_devops_mongodb.operations import SessionRef
    from llm_devops_mongodb.options import Document, Filter, Pipeline, Settings, Verbosity
    from llm_devops_mongodb.results import QueryAnalysis
    from llm_devops_mongodb.session import Session

    _Target = tuple[Namespace, Settings, SessionRef | None]

T = TypeVar("T")
OptionsT = TypeVar("OptionsT", FindOptions, AggregateOptions)

_MILLISECOND = timedelta(milliseconds=1)
_TIME_LIMIT = 50
_WRITES = frozenset({"$out", "$merge"})
_FORBIDDEN_OR_NONE = frozenset({13, 166})  # Unauthorized, CommandNotSupportedOnView
"""Codes of the server: unauthorised, no such collection, a view."""

_NAMES = {
    "max_time": "maxTimeMS",
    "batch_size": "batchSize",
    "return_key": "returnKey",
    "show_record_id": "showRecordId",
    "no_cursor_timeout": "noCursorTimeout",
    "allow_partial_results": "allowPartialResults",
    "allow_disk_use": "allowDiskUse",
    "bypass_document_validation": "bypassDocumentValidation",
}
_LENIENT: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
)
_NOT_EXPLAINED = frozenset({"max_await_time", "cursor_type"})


class Explanations(Indexes[T]):
    """Explain finds and aggregations."""

    async def explain(
        self,
        query: Filter | Pipeline | None = None,
        options: FindOptions | AggregateOptions | None = None,
        *,
        verbosity: Verbosity = "executionStats",
        session: Session | None = None,
        timeout: timedelta | None = None,
    ) -> QueryAnalysis:
        """Tell how the server answers a query, and what would help.

        The server runs the query to count what it reads, and returns no documents. It asks for the collection's
        indexes too; where it may not, advice is given without knowing them.

        Args:
            query: A filter explains a `find`, a pipeline an aggregation, as do builders of them; None every document.
                A `$out` or `$merge` at the end is left out: explaining writes nothing, and what it would write has no
                plan.
            options: Those the query would be given: `FindOptions` with a filter, `AggregateOptions` with a pipeline.
            verbosity: `"queryPlanner"` does not run the query, so all counts are 0; `"allPlansExecution"` tries the
                rejected plans too, to be read in the analysis' `explained`.
            session: The session to explain in.
            timeout: How long it may take in all; None takes the handle's own, or else the configuration's.

        Raises:
            InvalidDocumentError: The query is malformed, or the options are those of the other kind.
            QueryError: The server refused the query, such as a hint that names no index.
            TransactionError: A transaction is open in the session; the server explains nothing inside one.

        Example:
            ```python
            analysis = await traces.explain({"model": "gpt-4"}, FindOptions(sort={"created": -1}))
            if analysis.suggested_index is not None:
                await traces.create_index(analysis.suggested_index)
            ```
        """
        if (asking := session or self._session) is not None and asking.in_transaction:
            raise TransactionError("the server explains nothing inside a transaction; ask outside of it")
        command = self._command(query, options)
        with self._time_left(timeout) as left:
            explained = await self._explained(command, verbosity, session=session, timeout=left())
            indexes = await self._indexes(session=session, timeout=left())
        return analyse(explained, command=command, indexes=indexes)

    def _command(
        self, query: Filter | Pipeline | None, options: FindOptions | AggregateOptions | None
    ) -> dict[str, Any]:
        """Make the command; it is encoded as a whole, so the query is only checked before."""
        plain: Any = {} if query is None else built(query)
        if is_mapping(plain):
            self._access.filter(plain)
            arguments = _find_arguments(_options(options, FindOptions, "filter"))
            command = {"find": self.name, "filter": plain, **arguments}
        else:
            self._access.pipeline(plain if query is None else cast("Pipeline", query))
            arguments = _aggregate_arguments(_read_only(plain), _options(options, AggregateOptions, "pipeline"))
            command = {"aggregate": self.name, **arguments}
        concern = self._settings.read_concern
        return command if concern is None else {**command, "readConcern": {"level": concern.value}}

    async def _explained(
        self, command: Document, verbosity: Verbosity, *, session: Session | None, timeout: timedelta | None
    ) -> dict[str, Any]:
        namespace, settings, reference = self._target(session, timeout)
        place = namespace.of_database()
        operation = op.Explain(place, settings, reference, self._access.encode(command), verbosity)
        reply = expect(await self._access.transport.handle(operation), replies.DocumentReply)
        # The server repeats the command, whose dates Python may not know.
        explained = decoded(reply.document or b"", _LENIENT)
        _check_success(explained.get("executionStats", {}))
        return explained

    async def _indexes(self, *, session: Session | None, timeout: timedelta | None) -> Sequence[Mapping[str, Any]]:
        try:
            return await self.list_indexes(session=session, timeout=timeout)
        except QueryError as error:
            if error.code in _FORBIDDEN_OR_NONE:
                return ()
            raise


def _check_success(statistics: Mapping[str, Any]) -> None:
    """Raise what ended the query: the server reports it in the explanation."""
    if statistics.get("executionSuccess", True):
        return
    code = statistics.get("errorCode")
    if code == _TIME_LIMIT:
        raise OperationTimeoutError("the query took longer than max_time; explain it with 'queryPlanner'", code=code)
    raise QueryError("the query failed while it was explained; 'queryPlanner' does not run it", code=code)


def _options(options: Any, kind: type[OptionsT], query: str) -> OptionsT:
    if options is None:
        return kind()
    if not isinstance(options, kind):
        raise InvalidDocumentError(f"a {query} is explained with {kind.__name__}, not {type(options).__name__}")
    return options


def _find_arguments(options: FindOptions) -> dict[str, Any]:
    arguments = _arguments(options)
    if options.limit < 0:  # one batch of so many, which the driver says in its own way
        arguments |= {"limit": -options.limit, "singleBatch": True}
    if options.cursor_type != CursorType.NON_TAILABLE:
        arguments |= {"tailable": True, "awaitData": options.cursor_type == CursorType.TAILABLE_AWAIT}
    return arguments


def _aggregate_arguments(stages: Sequence[Document], options: AggregateOptions) -> dict[str, Any]:
    arguments = _arguments(options)
    size = arguments.pop("batchSize", None)
    return {"pipeline": list(stages), "cursor": {} if size is None else {"batchSize": size}, **arguments}


def _read_only(stages: Sequence[Document]) -> Sequence[Document]:
    """Leave out a last stage that writes: servers differ in whether explaining runs it."""
    return stages[:-1] if stages and _WRITES & stages[-1].keys() else stages


def _arguments(options: FindOptions | AggregateOptions) -> dict[str, Any]:
    """The options that differ from their default, as the command has them."""
    given = {field.name: (getattr(options, field.name), field.default) for field in fields(options)}
    return {
        _NAMES.get(name, name): _argument(name, value)
        for name, (value, default) in given.items()
        if value != default and name not in _NOT_EXPLAINED
    }


def _argument(name: str, value: Any) -> Any:
    if isinstance(value, timedelta):
        return -(-value // _MILLISECOND)
    if name == "hint" and isinstance(value, str):
        return value
    if name == "projection" and not is_mapping(value):
        return dict.fromkeys(map(str, value), 1) or {"_id": 1}  # no names, nothing but the key, as the driver has it
    return fields_and_directions(value, name) if name in {"sort", "hint"} else value
