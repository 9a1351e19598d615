"""What the builders of bulk writes share: the writes so far, their order and their options."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeGuard, TypeVar, assert_never

from llm_devops_mongodb.bulk.appended import Appended
from llm_devops_mongodb.bulk.numbering import REFUSALS, number
from llm_devops_mongodb.errors import InvalidDocumentError
from llm_devops_mongodb.operations import DeleteWrite, InsertWrite, ReplaceWrite, UpdateWrite
from llm_devops_mongodb.options import BulkWriteOptions
from llm_devops_mongodb.query.built import checked, frozen
from llm_devops_mongodb.validation.arguments import check_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llm_devops_mongodb.access import Access
    from llm_devops_mongodb.operations import Write

W = TypeVar("W")

_NO_OPTIONS = BulkWriteOptions()


class BulkWrites(Generic[W]):
    """Writes in the order they were asked for, and how they are sent: an immutable value."""

    __slots__ = ("is_ordered", "options", "writes")

    def __init__(
        self, writes: Appended[W] | None = None, *, is_ordered: bool = True, options: BulkWriteOptions = _NO_OPTIONS
    ) -> None:
        self.writes: Appended[W] = Appended() if writes is None else writes
        self.is_ordered: bool = is_ordered
        self.options: BulkWriteOptions = options

    def and_one(self, make: Callable[[], W]) -> BulkWrites[W]:
        """Return these with what `make` makes; an error of it tells the number of the write."""
        try:
            write = make()
        except REFUSALS as error:
            number(error, "write", len(self.writes))
            raise
        return BulkWrites(self.writes.and_one(write), is_ordered=self.is_ordered, options=self.options)

    def ordered(self, is_ordered: object) -> BulkWrites[W]:
        """Return these in the same order or in any."""
        return BulkWrites(self.writes, is_ordered=checked_order(is_ordered), options=self.options)

    def with_options(self, options: BulkWriteOptions, access: Access) -> BulkWrites[W]:
        """Return these with other options, of which nothing is shared with the caller."""
        if not isinstance(options, BulkWriteOptions):  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped callers
            raise InvalidDocumentError(f"options are BulkWriteOptions, not {type(options).__name__}", path="options")
        if not isinstance(options.bypass_document_validation, bool | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped callers
            raise InvalidDocumentError("bypass_document_validation is True or False", path="bypass_document_validation")
        let = None if options.let is None else checked("let", options.let, check_variables)
        access.encode({"let": options.let, "comment": options.comment})
        kept = BulkWriteOptions(
            let=let,
            comment=frozen(options.comment),
            bypass_document_validation=options.bypass_document_validation,
        )
        return BulkWrites(self.writes, is_ordered=self.is_ordered, options=kept)

    def all(self) -> tuple[W, ...]:
        """Give the writes that are to be sent.

        Raises:
            InvalidDocumentError: There are none.
        """
        if not self.writes:
            raise InvalidDocumentError("there is nothing to write")
        return tuple(self.writes)

    def shown(self, writes: Iterable[Write]) -> str:
        """Tell how many writes there are of each kind, and nothing of what they hold."""
        counts = Counter(map(_kind, writes))
        parts = [f"{count} {kind}" for kind, count in counts.items()] or ["no writes"]
        return ", ".join([*parts, "ordered" if self.is_ordered else "unordered"])

    def __eq__(self, other: object) -> bool:
        if not _is_writes(other):
            return NotImplemented
        its = (other.is_ordered, other.options, other.writes)
        return (self.is_ordered, self.options, self.writes) == its

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as for a list of them


def checked_order(is_ordered: object) -> bool:
    """Return `is_ordered`.

    Raises:
        InvalidDocumentError: It is neither True nor False.
    """
    if not isinstance(is_ordered, bool):
        raise InvalidDocumentError("ordered is True or False", path="ordered")
    return is_ordered


def _kind(write: Write) -> str:
    match write:
        case InsertWrite():
            return "insert"
        case UpdateWrite(multi=multi):
            return "update_many" if multi else "update_one"
        case ReplaceWrite():
            return "replace_one"
        case DeleteWrite(multi=multi):
            return "delete_many" if multi else "delete_one"
        case _:
            assert_never(write)


def _is_writes(value: object) -> TypeGuard[BulkWrites[Any]]:
    return isinstance(value, BulkWrites)
