"""What an insertion in chunks did so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_devops_mongodb.bulk.inserted_ids_builder import InsertedIdsBuilder
from llm_devops_mongodb.bulk.numbering import inserted_indexes, moved
from llm_devops_mongodb.errors import BulkWriteError
from llm_devops_mongodb.results import InsertManyResult

if TYPE_CHECKING:
    from llm_devops_mongodb.bulk.chunks import Chunk
    from llm_devops_mongodb.errors import MongoError, Outcome, WriteError

# "The same call may safely be made again" does not hold once earlier chunks were inserted.
_CALL_AGAIN = frozenset({"RetryableWriteError", "RetryableError"})


@dataclass(frozen=True, slots=True)
class InsertProgress:
    """How far `chunked_insert` has come.

    Attributes:
        inserted: Documents inserted so far; with write concern `w=0`, sent.
        failed: Documents that were refused, one by one, so far.
        chunks: Chunks that are done.
    """

    inserted: int
    failed: int
    chunks: int


class Tally:
    """Adds up chunks as they are done, by the indexes of the caller."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._ids = InsertedIdsBuilder()
        self._acknowledged = True
        self._chunks = 0
        self._write_errors: dict[int, WriteError] = {}
        self._write_concern_errors: list[WriteError] = []
        self._partial: BulkWriteError | None = None
        self._end: MongoError | None = None

    @property
    def is_over(self) -> bool:
        """Whether no more chunks may be sent."""
        return self._end is not None or (self._ordered and bool(self._write_errors))

    @property
    def progress(self) -> InsertProgress:
        """How far it has come."""
        return InsertProgress(self._ids.count, len(self._write_errors), self._chunks)

    @property
    def failed(self) -> str:
        """What went wrong so far, in words; `""` where nothing did."""
        if self._end is not None:
            return f"{self._told()}; then it ended: {self._end.message}"
        return self._told() if self._partial is not None else ""

    def add(self, chunk: Chunk, *, acknowledged: bool) -> None:
        """Add a chunk that was inserted."""
        self._chunks += 1
        self._acknowledged = self._acknowledged and acknowledged
        self._ids.add(chunk.first, chunk.ids)

    def add_partial(self, chunk: Chunk, error: BulkWriteError) -> None:
        """Add a chunk of which `error` tells, by its own indexes, what was not inserted."""
        self._chunks += 1
        self._ids.add(chunk.first, chunk.ids, [*inserted_indexes(len(chunk.ids), error, ordered=self._ordered)])
        for index, failure in error.write_errors.items():
            original = chunk.first + index
            self._write_errors[original] = moved(failure, old=index, new=original)
        self._write_concern_errors += error.write_concern_errors
        self._partial = self._partial or error
        if error.ended_by is not None:
            self.end(error.ended_by)

    def end(self, error: MongoError) -> None:
        """Have `error` end it, unless it is over already."""
        if not self.is_over:
            self._end = error

    def result(self) -> InsertManyResult:
        """Tell what was inserted.

        Raises:
            BulkWriteError: Not everything was.
            MongoError: What ended it, where it did so before any chunk was done.
        """
        if self._end is not None:
            if not self._chunks:
                raise self._end
            raise self._failure(self.failed, self._end, self._outcome(self._end)) from self._end
        if self._partial is not None:
            cause = self._partial.__cause__ or self._partial
            raise self._failure(self.failed, self._partial, self._outcome(self._partial)) from cause
        return self._result()

    def _result(self) -> InsertManyResult:
        return InsertManyResult(self._ids.built(), self._acknowledged)

    def _outcome(self, error: MongoError) -> Outcome:
        """Of all the documents together: where only a part was inserted, `result` tells which."""
        if self._end is None and not self._write_errors:
            return "applied"
        return "unknown" if self._ids.count or error.outcome == "unknown" else "not_applied"

    def _told(self) -> str:
        failed = f"{len(self._write_errors)} documents failed, " if self._write_errors else ""
        return f"{failed}{self._ids.count} were inserted; see write_errors and result" + (
            f"; {len(self._write_concern_errors)} chunks not acknowledged as asked"
            if self._write_concern_errors
            else ""
        )

    def _failure(self, text: str, error: MongoError, outcome: Outcome) -> BulkWriteError:
        return BulkWriteError(
            text,
            result=self._result(),
            write_errors=self._write_errors,
            write_concern_errors=self._write_concern_errors,
            ended_by=self._end,
            code=error.code,
            code_name=error.code_name,
            labels=error.labels - _CALL_AGAIN,
            is_timeout=error.is_timeout,
            outcome=outcome,
        )
